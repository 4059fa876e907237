import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../../scripts/lib/command.mjs';

const docs = join(root, 'docs');

it('shows no figure on the landing page that its page of measurements has not', () => {
  const rows = [...readFileSync(join(docs, 'index.md'), 'utf8').matchAll(/^\| (.+) \| \[.+\]\((\S+)\) \|$/gm)];
  expect(rows.length).toBeGreaterThan(4);
  for (const [, cells = '', page = ''] of rows) {
    const text = readFileSync(join(docs, page), 'utf8');
    const [, ...measured] = cells.split(' | '); // the first cell says what was measured
    for (const number of measured.join(' ').match(/\d[\d,.]*\d|\d/g) ?? []) expect(text, `${page} for ${cells}`).toContain(number);
  }
});

it('prints the five lines that the README prints', () => {
  const blockOf = (path: string) => /```js\n([\s\S]*?)```/.exec(readFileSync(path, 'utf8'))?.[1];
  expect(blockOf(join(docs, 'index.md'))).toBe(blockOf(join(root, 'README.md')));
});
