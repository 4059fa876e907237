import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/lib/command.mjs';

interface Run {
  readonly family: string;
  readonly heldOut: readonly (readonly [step: number, loss: number])[];
}

const NAMES = [
  ['one-process', 'one process, batches of 16'],
  ['every-step', 'two processes of 8, which meet at every step'],
  ['outer-10', '`--outer-steps 10`'],
  ['outer-50', '`--outer-steps 50`'],
  ['outer-100', '`--outer-steps 100`'],
] as const;

/** Held-out losses by step, the mean of the seeds, from docs/learning/outer-steps.json. */
export function tableOfOuterSteps(): string {
  const runs = JSON.parse(readFileSync(join(root, 'docs', 'learning', 'outer-steps.json'), 'utf8')) as Run[];
  const steps = runs[0]?.heldOut.map(([step]) => step) ?? [];
  const rows = NAMES.map(([family, name]) => {
    const seeds = runs.filter((run) => run.family === family);
    const mean = (i: number) => seeds.reduce((sum, { heldOut }) => sum + (heldOut[i]?.[1] ?? Number.NaN), 0) / seeds.length;
    return `| ${[name, ...steps.map((_, i) => mean(i).toFixed(3))].join(' | ')} |`;
  });
  return [`| held-out loss after | ${steps.join(' | ')} |`, `|---|${steps.map(() => '---|').join('')}`, ...rows].join('\n');
}
