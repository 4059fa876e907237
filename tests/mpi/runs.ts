import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mulberry32 } from '@densessm/ssm-core/internal';

/** A folder with a text to train on, for the runs of one file. */
export function trainingFolder(): { cwd: string; remove: () => void } {
  const cwd = mkdtempSync(join(tmpdir(), 'densessm-mpi-'));
  const random = mulberry32(3);
  const words = ['the', 'cat', 'sat', 'on', 'a', 'mat', 'and', 'saw\n'];
  writeFileSync(join(cwd, 'text.txt'), Array.from({ length: 3000 }, () => words[Math.floor(8 * random())]).join(' '));
  return { cwd, remove: () => rmSync(cwd, { recursive: true, force: true }) };
}

/** Steps of every run that comes to its end. */
export const STEPS = 200;

const FIXED =
  `train --data text.txt --hidden-size 8 --num-hidden-layers 2 --state-size 4 --block-size 12 --max-steps ${STEPS} --eval-interval 100 --eval-iters 2 ` +
  '--sample-interval 0 --save-interval 5 --log-interval 1 --learning-rate 1e-3 --device wasm --threads 1 --cache-dir cache';

/** The words of a run with so many texts in the batch of each process. */
export const trainingOf = (name: string, batchSize: number, ...more: string[]): string[] => [
  ...FIXED.split(' '),
  ...['--name', name, '--batch-size', String(batchSize), ...more],
];

interface Line {
  readonly type: string;
  readonly step: number;
  readonly loss: number;
}

/** The log of a run, without times. */
export function logOf(cwd: string, name: string): Line[] {
  const lines = readFileSync(join(cwd, 'out', name, 'log.jsonl'), 'utf8')
    .trimEnd()
    .split('\n');
  return lines.map((line) => {
    const { wallTime: _, seconds: __, ...record } = JSON.parse(line);
    return record;
  });
}

/** The number of steps in a log that may be under way. */
export function stepsIn(cwd: string, name: string): number {
  try {
    return readFileSync(join(cwd, 'out', name, 'log.jsonl'), 'utf8').split('"type":"step"').length - 1;
  } catch {
    return 0;
  }
}

export interface Saved {
  readonly weights: Buffer;
  readonly optimizer: Buffer;
  readonly counters: { readonly steps: number };
}

/** The last checkpoint of a run. */
export function savedBy(cwd: string, name: string): Saved {
  const read = (file: string): Buffer => readFileSync(join(cwd, 'out', name, 'checkpoint', file));
  const { counters } = JSON.parse(read('trainer.json').toString());
  return { weights: read('model.safetensors'), optimizer: read('trainer.safetensors'), counters };
}

/** The greatest difference between the losses of two runs, of steps and evaluations. */
export function lossDifference(cwd: string, one: string, other: string): number {
  const [a, b] = [one, other].map((name) => logOf(cwd, name).filter(({ type }) => type !== 'sample' && type !== 'gates')) as [
    Line[],
    Line[],
  ];
  if (a.length !== b.length || a.some(({ type, step }, i) => type !== b[i]?.type || step !== b[i]?.step)) return Number.NaN;
  return Math.max(...a.map(({ loss }, i) => Math.abs(loss - (b[i]?.loss ?? Number.NaN))));
}
