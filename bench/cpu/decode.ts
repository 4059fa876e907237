import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Figure, type Speed, speedOf } from './figures';
import { folderOf, smallMamba } from './models';
import type { WeightType } from './options';
import { findPeers, KNOWN_PEERS, type Peer } from './peers';
import { type ReaderProcess, startOurs } from './reader-process';
import { timeInTurns } from './rounds';
import { type Run, type Section, say } from './section';

const TYPES: readonly WeightType[] = ['f32', 'bf16', 'int8', 'int4'];
const AIMS: Record<string, string> = { 'mamba.c f32': '≥ 1', 'llama.cpp f16': '≥ 1', 'llama.cpp q8_0': '≥ 1', 'ours int8': '≥ 0.8' };
/** Between implementations in float32, relative to the root mean square of the logits. */
const TOLERANCE = 1e-3;
const CHECKED = [5, 6, 7, 100, 2000, 31, 8, 977];

interface Reader {
  name: string;
  dtype: string;
  process: ReaderProcess;
}

export const decode: Section = {
  name: 'decode',
  what: 'token by token, batch 1, beside mamba.c and llama.cpp on the same weights',
  measure: async (run) => {
    const folder = await folderOf(run.work, smallMamba(run.options));
    const peers = findPeers(run.options, run.work, folder);
    for (const line of peers.missing) run.notes.add(line);
    const readers = await startReaders(folder, peers.found, Math.max(...run.options.threads));
    const ids = CHECKED.map((id) => id % run.options.vocab);
    run.details.errorOfLogits = await compareLogits(join(run.work, 'logits.bin'), ids, readers);
    const figures: Figure[] = [];
    for (const threads of run.options.threads) figures.push(...figuresOf(await timeReaders(run, readers, threads), threads));
    return figures;
  },
};

async function startReaders(folder: string, peers: readonly Peer[], threads: number): Promise<Reader[]> {
  const readers: Reader[] = [];
  for (const dtype of TYPES) readers.push({ name: 'ours', dtype, process: await startOurs(folder, dtype, threads, 'decode') });
  for (const peer of peers) readers.push({ name: peer.name, dtype: peer.dtype, process: await peer.start() });
  return readers;
}

/** How far each one's logits are from ours in float32. Those in float32 must agree: they read one set of weights. */
async function compareLogits(file: string, ids: readonly number[], readers: readonly Reader[]): Promise<Record<string, number>> {
  const errors: Record<string, number> = {};
  let expected: Float32Array | undefined;
  for (const { name, dtype, process } of readers.filter((reader) => reader.name !== 'node-llama-cpp')) {
    await process.ask(`logits ${file} ${ids.join(' ')}`);
    const logits = new Float32Array(new Uint8Array(readFileSync(file)).buffer);
    expected ??= logits;
    const error = relativeError(logits, expected);
    errors[`${name} ${dtype}`] = error;
    if (dtype === 'f32' && !(error <= TOLERANCE)) throw new Error(`${name} computes another model: its logits are off by ${error}`);
  }
  const cells = Object.entries(errors).map(([name, error]) => `${name} ${error.toPrecision(2)}`);
  say(`error of logits after ${ids.length} tokens: ${cells.join(', ')}`);
  return errors;
}

function relativeError(values: Float32Array, expected: Float32Array): number {
  if (values.length !== expected.length) return Number.NaN;
  const squares = (of: Float32Array) => of.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(squares(values.map((value, i) => value - (expected[i] ?? Number.NaN))) / squares(expected));
}

async function timeReaders(run: Run, readers: readonly Reader[], threads: number): Promise<Map<string, Speed>> {
  const { tokens, seconds } = run.options;
  for (const { process } of readers) await process.useThreads(threads);
  const times = await timeInTurns(readers, seconds, async ({ process }) => {
    await process.ask('decode 2'); // its threads are awake and its weights in the cache, as far as they fit
    return process.ask(`decode ${tokens}`);
  });
  run.details[`decode, ${threads} threads`] = readers.map(({ name, dtype }, i) => ({ name, dtype, tokens, milliseconds: times[i]?.all }));
  return new Map(times.map((taken, i) => [`${readers[i]?.name} ${readers[i]?.dtype}`, speedOf(tokens, taken)]));
}

function figuresOf(speeds: Map<string, Speed>, threads: number): Figure[] {
  return TYPES.flatMap((dtype): Figure[] => {
    const ours = speeds.get(`ours ${dtype}`);
    if (ours === undefined) return [];
    const figure = { section: 'decode', what: 'Mamba-130M', dtype, threads, unit: 'tokens/s', ours };
    const names = KNOWN_PEERS.filter(({ beside }) => beside === dtype).map((peer) => `${peer.name} ${peer.dtype}`);
    if (dtype === 'int4') names.push('ours int8');
    return names.map((name) => ({ ...figure, against: { name, speed: speeds.get(name) }, aim: AIMS[name] }));
  });
}
