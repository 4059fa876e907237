import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
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

describe('What the models learn', () => {
  const page = readFileSync(join(docs, 'learning.md'), 'utf8');
  const losses = (text: string): Map<string, { parameters: string; seeds: number[] }> => {
    const runs = JSON.parse(readFileSync(join(docs, 'learning', `${text}.json`), 'utf8')) as Run[];
    const families = new Map<string, { parameters: string; seeds: number[] }>();
    for (const { family, parameters, heldOut } of runs.toSorted((a, b) => a.name.localeCompare(b.name))) {
      const seeds = [...(families.get(family)?.seeds ?? []), heldOut.at(-1)?.[1] ?? Number.NaN];
      families.set(family, { parameters: `${(parameters / 1e6).toFixed(3)} M`, seeds });
    }
    return families;
  };

  it('has the losses of tinyshakespeare.json, seed by seed', () => {
    const rows = [...page.matchAll(/^\| [^|]+ \| ([\d.]+ M) \| (.+) \|$/gm)];
    const mean = (seeds: number[]) => seeds.reduce((sum, one) => sum + one, 0) / seeds.length;
    const measured = [...losses('tinyshakespeare').values()];
    expect(rows.length).toBe(measured.length);
    for (const [line, parameters, cells = ''] of rows) {
      const shown = cells.split(' | ').map(Number);
      const near = ({ seeds }: { seeds: number[] }) =>
        [...seeds, mean(seeds)].every((one, i) => Math.abs(one - (shown[i] ?? 0)) <= 0.00055);
      // the page has three digits of numbers of which the file keeps four
      expect(measured.filter((one) => one.parameters === parameters && near(one)).length, line).toBeGreaterThan(0);
    }
  });

  it('has the losses of gutenberg.json where three seeds ran at the best rate', () => {
    const best = [...page.matchAll(/\*\*([\d.]+, [\d.]+, [\d.]+)\*\*/g)].map(([, seeds]) => seeds);
    const measured = [...losses('gutenberg').values()].map(({ seeds }) => seeds.map((one) => one.toFixed(3)).join(', '));
    expect(best.toSorted()).toEqual(measured.toSorted());
  });
});

interface Run {
  readonly name: string;
  readonly family: string;
  readonly parameters: number;
  readonly heldOut: readonly (readonly [step: number, loss: number])[];
}
