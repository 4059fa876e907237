/**
 * A process that only reads: a model's folder, its weights packed in one type, then lines on stdin as bench/peers/lines.h says, and `memory`,
 * which answers the bytes that this process holds. Arguments: the folder, the type of the weights, the most threads, and `decode` or `prefill`.
 */
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { denseMamba, denseMamba2, mamba, mamba2 } from '@densessm/mamba';
import { denseRetNet, retnet } from '@densessm/retnet';
import { loadPretrained, startBackend } from '@densessm/runtime-node';
import { type AnyModel, type Decoder, disposeTree, type WeightType } from '@densessm/ssm-core';

const MODELS: AnyModel[] = [retnet, denseRetNet, mamba, mamba2, denseMamba, denseMamba2];

interface Reading {
  vocabSize: number;
  reset(): Promise<void>;
  /** Logits after the last token. */
  read(tokens: readonly number[]): Promise<Float32Array>;
}

const [folder = '', weights = 'f32', threads = '1', mode = 'decode'] = process.argv.slice(2);
await startBackend({ device: 'wasm', threads: Number(threads) });
const reading = await (mode === 'prefill' ? openPrefill() : openDecoder());

/** With no other copy of the weights. */
function open(): ReturnType<typeof loadPretrained> {
  return loadPretrained(folder, { models: MODELS, weights: weights as WeightType });
}

async function openDecoder(): Promise<Reading> {
  const { model, config, params } = await open();
  const decoder: Decoder<unknown> | undefined = await model.decoder?.(config, { batch: 1 })?.(params);
  if (decoder === undefined) throw new Error('this model has no decoder');
  return {
    vocabSize: (config as { vocabSize: number }).vocabSize,
    reset: async () => {
      const start: unknown = model.initialState(config, 1);
      await decoder.load(start);
      disposeTree(start);
    },
    read: async (tokens) => {
      let logits: Float32Array = new Float32Array();
      for (const token of tokens) logits = await decoder.step([token]);
      return logits;
    },
  };
}

async function openPrefill(): Promise<Reading> {
  const { model, config, params } = await open();
  let state: unknown = model.initialState(config, 1);
  return {
    vocabSize: (config as { vocabSize: number }).vocabSize,
    reset: async () => {
      disposeTree(state);
      state = model.initialState(config, 1);
    },
    read: async (tokens) => {
      const [logits, next] = model.advance(params, config, [tokens], state, { logits: 'last' });
      disposeTree(state);
      state = next;
      const values = await logits.data();
      logits.dispose();
      return values as Float32Array;
    },
  };
}

/** Milliseconds. */
async function timeReading(size: number, atOnce: number): Promise<number> {
  const tokens = Array.from({ length: size }, (_, i) => (i * 7919) % reading.vocabSize);
  const start = performance.now();
  for (let i = 0; i < size; i += atOnce) await reading.read(tokens.slice(i, i + atOnce));
  return performance.now() - start;
}

async function writeLogits(file: string, ids: readonly number[]): Promise<void> {
  await reading.reset();
  let logits: Float32Array = new Float32Array();
  for (const id of ids) logits = (await reading.read([id])) as typeof logits;
  writeFileSync(file, logits);
}

async function answer(line: string): Promise<number> {
  const [what, ...words] = line.trim().split(' ');
  if (what === 'memory') return process.memoryUsage.rss();
  if (what === 'decode') return timeReading(Number(words[0]), 1);
  if (what === 'prefill') return timeReading(Number(words[0]), Number(words[0]));
  if (what === 'threads') await startBackend({ device: 'wasm', threads: Number(words[0]) });
  if (what === 'reset') await reading.reset();
  if (what === 'logits') await writeLogits(words[0] ?? '', words.slice(1).map(Number));
  return 0;
}

console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  console.log((await answer(line)).toFixed(4));
}
