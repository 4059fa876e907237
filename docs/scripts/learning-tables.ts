/** The tables of docs/learning.md, from docs/learning (scripts/learning.ts), and of outer steps in docs/distributed.md. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/lib/command.mjs';
import { tableOf } from './measured';

interface Learned {
  readonly name: string;
  readonly family: string;
  readonly parameters: number;
  readonly heldOut: readonly (readonly [step: number, loss: number])[];
}

const learned = (name: string): Learned[] => JSON.parse(readFileSync(join(root, 'docs', 'learning', `${name}.json`), 'utf8')) as Learned[];

export const mean = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;

/** Names of families in the files, and what a page calls them. */
type Families = readonly (readonly [family: string, shown: string])[];

const LETTERS: Families = [
  ['mamba', 'Mamba'],
  ['dense-mamba-m1', 'DenseMamba, m = 1'],
  ['dense-mamba-m2', 'DenseMamba, m = 2'],
  ['mamba2', 'Mamba-2'],
  ['dense-mamba2-m1', 'Dense Mamba-2, m = 1'],
  ['retnet', "RetNet (torchscale's form)"],
  ['dense-retnet-m0', "RetNet (the authors' form, m = 0)"],
  ['dense-retnet-m1', 'DenseRetNet, m = 1'],
  ['dense-retnet-m2', 'DenseRetNet, m = 2'],
];
const BOOKS: Families = [
  ['mamba', 'Mamba'],
  ['dense-mamba', 'DenseMamba, m = 1'],
  ['retnet', "RetNet (the authors' form, m = 0)"],
  ['dense-retnet', 'DenseRetNet, m = 1'],
];

/** Held-out losses at the end, seed by seed. */
export function lossesOf(text: 'tinyshakespeare' | 'gutenberg', family: string): { parameters: number; losses: number[] } {
  const runs = learned(text)
    .filter((run) => run.family === family)
    .toSorted((one, other) => one.name.localeCompare(other.name));
  return { parameters: runs[0]?.parameters ?? Number.NaN, losses: runs.map(({ heldOut }) => heldOut.at(-1)?.[1] ?? Number.NaN) };
}

function lossTable(text: 'tinyshakespeare' | 'gutenberg', families: Families): string {
  const rows = families.map(([family, shown]) => {
    const { parameters, losses } = lossesOf(text, family);
    return [shown, `${(parameters / 1e6).toFixed(3)} M`, ...[...losses, mean(losses)].map((loss) => loss.toFixed(3))];
  });
  return tableOf(['held-out loss', 'parameters', 'seed 1', 'seed 2', 'seed 3', 'mean'], rows);
}

export const learningTables = (): Readonly<Record<string, string>> => ({
  letters: lossTable('tinyshakespeare', LETTERS),
  books: lossTable('gutenberg', BOOKS),
});

const OUTER_STEPS: Families = [
  ['one-process', 'one process, batches of 16'],
  ['every-step', 'two processes of 8, which meet at every step'],
  ['outer-10', '`--outer-steps 10`'],
  ['outer-50', '`--outer-steps 50`'],
  ['outer-100', '`--outer-steps 100`'],
];

/** Held-out losses by step, the mean of the seeds. */
export function tableOfOuterSteps(): string {
  const runs = learned('outer-steps');
  const steps = runs[0]?.heldOut.map(([step]) => step) ?? [];
  const rows = OUTER_STEPS.map(([family, shown]) => {
    const seeds = runs.filter((run) => run.family === family);
    return [shown, ...steps.map((_, i) => mean(seeds.map(({ heldOut }) => heldOut[i]?.[1] ?? Number.NaN)).toFixed(3))];
  });
  return tableOf(['held-out loss after', ...steps.map(String)], rows);
}
