import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../../scripts/lib/command.mjs';

it('prints the five lines that the README prints', () => {
  const blockOf = (path: string) => /```js\n([\s\S]*?)```/.exec(readFileSync(path, 'utf8'))?.[1];
  expect(blockOf(join(root, 'docs', 'index.md'))).toBe(blockOf(join(root, 'README.md')));
});
