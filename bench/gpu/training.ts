import { adamW, constantSchedule, Trainer } from '@densessm/train';
import { findBackend } from '@tensorflow/tfjs-core';
import type { Figure } from '../lib/measured';
import { denseRetNet350m, type Model, mamba130m, type Sizes, weightsOf } from './models';
import { shares } from './profile';
import { batchOf } from './text';

export interface TrainingOptions extends Sizes {
  steps: number;
  /** Which models, by a part of what a line begins with. */
  only: RegExp;
}

interface Case extends Model {
  batchSize: number;
  length: number;
  recompute?: boolean;
}

/** Those that need more memory behind those that need less: the buffer pool remembers the most that was in use. */
const casesOf = (sizes: Sizes): Case[] => {
  const long = 2048 / sizes.shrink;
  const plain = mamba130m(sizes);
  return [
    { ...plain, batchSize: 2, length: long },
    { ...plain, batchSize: 2, length: long / 4 },
    { ...plain, batchSize: 8, length: long / 4 },
    { ...plain, batchSize: 1, length: 8 * long, recompute: true },
    { ...plain, batchSize: 8, length: long, recompute: true },
    { ...mamba130m(sizes, 1), batchSize: 2, length: long },
    { ...denseRetNet350m(sizes, 0), batchSize: 2, length: long },
    { ...denseRetNet350m(sizes), batchSize: 2, length: long },
    { ...plain, batchSize: 1, length: 8 * long },
  ];
};

/** Steps before those that are timed: the first compiles, the second and the third are recorded. */
const WARM_UP = 3;

const pool = () => (findBackend('webgpu') as unknown as { bufferManager: { numBytesAllocated: number } }).bufferManager;

/**
 * Training steps of whole models by the trainer with AdamW and clipping. A figure: `ms` of the fastest step, `rate` and `median` in tokens/s, `hostMs` until the host has
 * recorded a step, `loss` of the last, and `gigabytes` of all buffers of TensorFlow.js, where the cases before took fewer. With PROFILE, instead of it, a figure of the
 * part `profile` says what each program takes of a step on the device.
 */
export async function runTraining(
  say: (line: string) => void,
  keep: (figure: Figure) => void,
  { steps, only, ...sizes }: TrainingOptions,
  precisions: readonly ('f32' | 'f16')[],
): Promise<void> {
  for (const one of casesOf(sizes)) {
    for (const precision of precisions) {
      if (!only.test(titleOf(one, precision))) continue;
      try {
        const trained = await timeOf(one, precision, steps, keep);
        if (!process.env.PROFILE) keep({ part: 'train', dtype: precision, ...identityOf(one), ...trained }); // else nothing was replayed
        say(`${titleOf(one, precision)}: ${describe(trained)}`);
      } catch (error) {
        say(`FAILED ${one.name}, ${precision}, ${one.batchSize} × ${one.length}: ${String(error)}`);
      }
    }
  }
}

const identityOf = ({ name, batchSize, length, recompute }: Case) => ({
  name: `${name}${recompute ? ', recomputed' : ''}`,
  ...{ batch: batchSize, length },
});

const titleOf = ({ name, batchSize, length, recompute }: Case, precision: string): string =>
  `${name}, ${precision}, ${batchSize} × ${length}${recompute ? ', recomputed' : ''}`;

type Trained = Record<'ms' | 'rate' | 'median' | 'hostMs' | 'loss', number> & { readonly gigabytes?: number };

const describe = ({ rate, median, ms, hostMs, loss, gigabytes }: Trained): string =>
  `${rate.toFixed(0)} tokens/s, median ${median.toFixed(0)}; ${ms.toFixed(0)} ms a step, host ${hostMs.toFixed(0)}; loss ${loss.toFixed(4)}${gigabytes === undefined ? '' : `; ${gigabytes.toFixed(1)} GB`}`;

async function timeOf(one: Case, precision: 'f32' | 'f16', steps: number, keep: (figure: Figure) => void): Promise<Trained> {
  const before = pool().numBytesAllocated;
  const { model, json, batchSize, length, recompute = false } = one;
  const config = model.parseConfig(json);
  const vocabulary = (config as { vocabSize: number }).vocabSize;
  let hostMs = Number.POSITIVE_INFINITY;
  let start = 0;
  const schedule = constantSchedule({ learningRate: 1e-4 });
  const optimizer = adamW();
  const update = optimizer.update.bind(optimizer);
  optimizer.update = (given) => {
    const params = update(given);
    hostMs = Math.min(hostMs, performance.now() - start);
    return params;
  };
  const sampler = { batch: async (step: number) => batchOf(step, batchSize, length, vocabulary) };
  const options = { model, config, params: await weightsOf(one), optimizer, schedule, sampler };
  const replay = process.env.REPLAY !== '0' && !process.env.PROFILE; // each dispatch in a pass of its own
  const trainer = new Trainer<unknown, object, unknown>({ ...options, gradClip: 1, precision, recompute, replay });
  const times: number[] = [];
  let loss = Number.NaN;
  try {
    for (let i = 0; i < steps + WARM_UP; i++) {
      start = performance.now();
      ({ loss } = await trainer.step());
      if (i >= WARM_UP) times.push(performance.now() - start);
    }
    if (process.env.PROFILE) keep({ part: 'profile', dtype: precision, ...identityOf(one), ...(await shares(() => trainer.step())) });
    const { numBytesAllocated } = pool();
    const gigabytes = numBytesAllocated > before ? numBytesAllocated / 1e9 : undefined;
    times.sort((a, b) => a - b);
    const [ms = 0, middle = 0] = [times[0], times[steps >> 1]];
    const tokens = 1000 * batchSize * length;
    return { ms, rate: tokens / ms, median: tokens / middle, hostMs, loss, gigabytes };
  } finally {
    trainer.dispose();
  }
}
