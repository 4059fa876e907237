import { mamba } from '@densessm/mamba';
import type { AnyModel } from '@densessm/ssm-core';
import { adamW, constantSchedule, Trainer } from '@densessm/train';
import { findBackend } from '@tensorflow/tfjs-core';
import type { Figure } from '../lib/measured';
import { finished, held } from './device';
import { weightsOf } from './models';
import { batchOf } from './text';

type Say = (line: string) => void;
type Keep = (figure: Figure) => void;

const VOCABULARY = 256;
const small = {
  name: 'small Mamba',
  model: mamba as AnyModel,
  json: { model_type: 'mamba', vocab_size: VOCABULARY, hidden_size: 64, num_hidden_layers: 2, tie_word_embeddings: true },
};

interface Backend {
  readonly device: GPUDevice;
  readonly bufferManager: { readonly numBytesUsed: number; readonly numBytesAllocated: number };
}
const backend = (): Backend => findBackend('webgpu') as unknown as Backend;

async function trainerOf(lengthOf: (step: number) => number, batchSize: number): Promise<Trainer<unknown, object, unknown>> {
  const { model, json } = small;
  const sampler = { batch: async (step: number) => batchOf(step, batchSize, lengthOf(step), VOCABULARY) };
  const config = model.parseConfig(json);
  const params = await weightsOf(small);
  return new Trainer<unknown, object, unknown>({
    ...{ model, config, params, sampler, optimizer: adamW(), schedule: constantSchedule({ learningRate: 1e-3 }), gradClip: 1 },
  });
}

const MIB = 2 ** 20;
const WARM_UP = 100;

/** What soaking found too large; nothing where memory stays. */
type Grown = string | undefined;

/** Steps of one shape: after the first hundred the device holds exactly as much. */
async function soakSteps(say: Say, keep: Keep, steps: number): Promise<Grown> {
  const trainer = await trainerOf(() => 64, 4);
  const warmUp = Math.min(WARM_UP, steps >> 1);
  let [loss, before, worst] = [Number.NaN, 0, 0];
  const start = performance.now();
  for (let i = 0; i < steps; i++) {
    ({ loss } = await trainer.step());
    if (i + 1 === warmUp) before = held.bytes;
    else if (before > 0) worst = Math.max(worst, held.bytes);
    if ((i + 1) % 1000 === 0) say(`  ${i + 1} steps, loss ${loss.toFixed(4)}: ${held.bytes} bytes on the device, host ${hostMiB()} MiB`);
  }
  const seconds = (performance.now() - start) / 1000;
  keep({ part: 'soak', name: `${small.name}, steps of 4 × 64`, steps, seconds, before, most: worst, hostMiB: Number(hostMiB()) });
  say(`${steps} steps in ${seconds.toFixed(0)} s: ${before} bytes on the device after ${warmUp} steps, at most ${worst} after that`);
  trainer.dispose();
  return worst > before ? `${steps} steps grew memory on the device from ${before} to ${worst} bytes` : undefined;
}

/** The free buffers that are kept however little is in use: backends/webgpu/tfjs-patches/buffer-pool.ts. */
const ALWAYS_KEPT = 2 ** 26;

/**
 * Steps of many lengths, each twice, after three of the longest. The pool keeps free buffers of as many bytes as were in use at a time: all that the device holds is bounded
 * by twice that, and what does not lie in the pool stays as it is.
 */
async function soakLengths(say: Say, keep: Keep, count: number): Promise<Grown> {
  held.most = held.bytes;
  const lengths = Array.from({ length: count }, (_, i) => 17 + 3 * ((i * 7919) % count));
  const longest = 17 + 3 * (count - 1);
  const trainer = await trainerOf((step) => (step < 3 ? longest : (lengths[(step - 3) % count] as number)), 1);
  const { bufferManager: pool, device } = backend();
  let inUse = 0;
  const bind = device.createBindGroup;
  device.createBindGroup = (described) => {
    inUse = Math.max(inUse, pool.numBytesUsed);
    return bind.call(device, described);
  };
  const step = async (): Promise<void> => {
    await trainer.step();
    await finished(); // buffers of commands that were not handed over yet are in use
  };
  for (let i = 0; i < 3; i++) await step();
  const outside = held.bytes - pool.numBytesAllocated;
  const [resting, bound] = [pool.numBytesUsed, inUse + Math.max(ALWAYS_KEPT, inUse) + outside];
  let grown: Grown;
  for (let i = 0; i < 2 * count; i++) {
    await step();
    if (pool.numBytesUsed > resting) grown ??= `length ${lengths[i % count]} left ${pool.numBytesUsed - resting} bytes in use`;
    if (held.bytes - pool.numBytesAllocated > outside) grown ??= `length ${lengths[i % count]} grew buffers outside of the pool`;
  }
  if (held.most > bound) grown ??= `${count} lengths took ${held.most} bytes on the device, more than ${bound}`;
  Object.assign(device, { createBindGroup: bind });
  keep({
    part: 'soak',
    name: `${small.name}, ${count} lengths`,
    lengths: count,
    longest,
    inUse,
    most: held.most,
    bound,
    atEnd: held.bytes,
  });
  say(
    `${count} lengths of 17 to ${longest} tokens, twice: ${(inUse / MIB).toFixed(1)} MiB in use at a time, ${(held.most / MIB).toFixed(1)} on the device ` +
      `at most (bound ${(bound / MIB).toFixed(1)}), ${(held.bytes / MIB).toFixed(1)} at the end, host ${hostMiB()} MiB`,
  );
  trainer.dispose();
  return grown;
}

const hostMiB = (): string => (process.memoryUsage().rss / MIB).toFixed(0);

/** Trains for long and in many lengths; how many times memory grew. */
export async function runSoak(say: Say, keep: Keep, { steps, lengths }: { steps: number; lengths: number }): Promise<number> {
  const grown = [await soakSteps(say, keep, steps), await soakLengths(say, keep, lengths)].filter((one) => one !== undefined);
  for (const one of grown) say(`  GREW ${one}`);
  return grown.length;
}
