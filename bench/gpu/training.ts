import { withPrecision } from '@densessm/kernels/internal';
import { denseMamba, mamba } from '@densessm/mamba';
import { denseRetNet } from '@densessm/retnet';
import { type AnyModel, buildParams, disposeTree, namedParams } from '@densessm/ssm-core';
import { adamW, constantSchedule, Trainer } from '@densessm/train';
import { findBackend, tensor } from '@tensorflow/tfjs-core';
import { finished } from './device';
import { profiled } from './profile';

export interface Trained {
  name: string;
  precision: 'f32' | 'f16';
  batchSize: number;
  length: number;
  /** Of a step, in the fastest and the median of several. */
  best: number;
  median: number;
  /** Until the host has recorded a step; the rest of it waits for the device. */
  hostMs: number;
  loss: number;
  /** All buffers of TensorFlow.js. */
  gigabytes: number;
}

export interface Sizes {
  layers?: number;
  /** Divides the widths and lengths, for a trial on a small device. */
  shrink: number;
  steps: number;
  /** Which models, by a part of what a line begins with. */
  only: RegExp;
}

interface Case {
  name: string;
  model: AnyModel;
  json: object;
  batchSize: number;
  length: number;
  recompute?: boolean;
}

const mambaJson = ({ layers = 24, shrink }: Sizes) => ({
  ...{ model_type: 'mamba', vocab_size: Math.ceil(50_280 / shrink), hidden_size: 768 / shrink, num_hidden_layers: layers },
  tie_word_embeddings: true,
});
const retnetJson = ({ layers = 16, shrink }: Sizes) => ({
  ...{ model_type: 'llama', vocab_size: 32_000 / shrink, hidden_size: 1536 / shrink, query_key_dim: 768 / shrink, num_attention_heads: 2 },
  ...{ num_hidden_layers: layers, v_factor: 2, dense_block_layers: 1 },
});

const casesOf = (sizes: Sizes): Case[] => {
  const long = 2048 / sizes.shrink;
  const plain = { name: 'Mamba-130M', model: mamba as AnyModel, json: mambaJson(sizes) };
  return [
    { ...plain, batchSize: 2, length: long },
    { ...plain, batchSize: 8, length: long / 4 },
    { ...plain, batchSize: 1, length: 8 * long, recompute: true },
    { ...plain, batchSize: 8, length: (2 * long) / 2, recompute: true },
    {
      ...{ name: 'dense Mamba-130M, m = 1', model: denseMamba as AnyModel, batchSize: 2, length: long },
      json: { ...mambaJson(sizes), model_type: 'dense_mamba', dense_block_layers: 1 },
    },
    { name: 'DenseRetNet-350M', model: denseRetNet as AnyModel, json: retnetJson(sizes), batchSize: 2, length: long },
  ];
};

/** Steps before those that are timed: the first compiles, the second and the third are recorded. */
const WARM_UP = 3;

const pool = () => (findBackend('webgpu') as unknown as { bufferManager: { numBytesAllocated: number } }).bufferManager;

/** Training steps of whole models by the trainer with AdamW and clipping, and reading of a prompt of 2,048 tokens. */
export async function runTraining(say: (line: string) => void, sizes: Sizes, precisions: readonly ('f32' | 'f16')[]): Promise<Trained[]> {
  const all: Trained[] = [];
  for (const one of casesOf(sizes)) {
    for (const precision of precisions) {
      if (!sizes.only.test(titleOf(one, precision))) continue;
      try {
        const trained = await timeOf(one, precision, sizes.steps);
        all.push(trained);
        say(describe(trained, one));
      } catch (error) {
        say(`FAILED ${one.name}, ${precision}, ${one.batchSize} × ${one.length}: ${String(error)}`);
      }
    }
  }
  for (const precision of precisions) if (sizes.only.test('Mamba-130M reads')) say(await readingOf(sizes, precision));
  return all;
}

const titleOf = ({ name, batchSize, length, recompute }: Case, precision: string): string =>
  `${name}, ${precision}, ${batchSize} × ${length}${recompute ? ', recomputed' : ''}`;

/** Starting values by config: making them takes the host longer than all steps take the device. */
const known = new Map<string, Map<string, Float32Array>>();

async function startOf(model: AnyModel, json: object): Promise<object> {
  const config = model.parseConfig(json);
  const spec = model.spec(config);
  const key = JSON.stringify(json);
  let values = known.get(key);
  if (!values) {
    known.clear();
    values = new Map();
    const made = model.init(config, 1) as object;
    for (const [{ name }, leaf] of namedParams(spec, made)) values.set(name, (await leaf.data()).slice() as Float32Array);
    known.set(key, values);
    disposeTree(made);
  }
  const given = values;
  return buildParams(spec, ({ name, shape }) => tensor(given.get(name) as Float32Array, [...shape])) as object;
}

function describe(trained: Trained, one: Case): string {
  const { precision, batchSize, length, best, median, hostMs, loss, gigabytes } = trained;
  const rate = (ms: number): string => ((1000 * batchSize * length) / ms).toFixed(0);
  const how = titleOf(one, precision);
  return `${how}: ${rate(best)} tokens/s, median ${rate(median)}; ${best.toFixed(0)} ms a step, host ${hostMs.toFixed(0)}; loss ${loss.toFixed(4)}; ${gigabytes.toFixed(1)} GB`;
}

const batchOf = (step: number, batchSize: number, length: number, vocabulary: number) => {
  const at = (i: number): number => (step * 31 + i * 7919 + ((i * i) % 13)) % vocabulary;
  const ids = (shift: number) => Int32Array.from({ length: batchSize * length }, (_, i) => at(i + shift));
  return { tokens: ids(0), targets: ids(1), batchSize, length };
};

async function timeOf(
  { name, model, json, batchSize, length, recompute = false }: Case,
  precision: 'f32' | 'f16',
  steps: number,
): Promise<Trained> {
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
  const options = { model, config, params: await startOf(model, json), optimizer, schedule, sampler };
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
    if (process.env.PROFILE) await shares(() => trainer.step());
    const gigabytes = pool().numBytesAllocated / 1e9;
    times.sort((a, b) => a - b);
    return { name, precision, batchSize, length, best: times[0] as number, median: times[steps >> 1] as number, hostMs, loss, gigabytes };
  } finally {
    trainer.dispose();
  }
}

/** What each program takes of a step. */
async function shares(step: () => Promise<unknown>): Promise<void> {
  const found = await profiled(step);
  const [count, ms] = found.reduce(([n, sum], [, one, time]) => [n + one, sum + time], [0, 0]);
  console.log(`  ${count} dispatches, ${ms.toFixed(1)} ms on the device`);
  for (const [name, calls, time] of found.slice(0, 24))
    console.log(`    ${time.toFixed(2).padStart(8)} ms  ${String(calls).padStart(5)}  ${name}`);
}

async function readingOf(sizes: Sizes, precision: 'f32' | 'f16'): Promise<string> {
  const config = mamba.parseConfig(mambaJson(sizes));
  const params = (await startOf(mamba as AnyModel, mambaJson(sizes))) as ReturnType<typeof mamba.init>;
  const length = 2048 / sizes.shrink;
  const tokens = [Array.from({ length }, (_, i) => (i * 7919) % config.vocabSize)];
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < sizes.steps + 2; i++) {
    const start = performance.now();
    const begin = mamba.initialState(config, 1);
    const [logits, state] = withPrecision(precision, () => mamba.advance(params, config, tokens, begin, { logits: 'last' }));
    await logits.data();
    await finished();
    disposeTree([begin, logits, state]);
    best = Math.min(best, performance.now() - start);
  }
  disposeTree(params);
  return `Mamba-130M reads ${length} tokens, ${precision}: ${((1000 * length) / best).toFixed(0)} tokens/s, ${best.toFixed(1)} ms`;
}
