import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Options, WeightType } from './options';
import { ReaderProcess } from './reader-process';

/** Another implementation that reads the same weights. */
interface PeerKind {
  name: string;
  dtype: string;
  /** With which of our types it is compared. */
  beside: WeightType;
  /** Whether it can read many tokens at once. */
  prefills: boolean;
}

export interface Peer extends PeerKind {
  start(): Promise<ReaderProcess>;
}

export interface Peers {
  found: Peer[];
  /** What is not here, and how to get it. */
  missing: string[];
}

const MAMBA_C: PeerKind = { name: 'mamba.c', dtype: 'f32', beside: 'f32', prefills: false };
const LLAMA_TYPES = { f32: 'f32', f16: 'bf16', q8_0: 'int8', q4_0: 'int4' } as const;
const LLAMA: readonly PeerKind[] = Object.entries(LLAMA_TYPES).flatMap(([dtype, beside]) => [
  { name: 'llama.cpp', dtype, beside, prefills: true },
  { name: 'node-llama-cpp', dtype, beside, prefills: false },
]);

/** All that can be compared with, here or not. */
export const KNOWN_PEERS: readonly PeerKind[] = [MAMBA_C, ...LLAMA];

const sources = (name: string): string => fileURLToPath(new URL(`../peers/${name}`, import.meta.url));
const run = (command: string, parameters: readonly string[]): void => {
  execFileSync(command, parameters, { stdio: ['ignore', 'ignore', 'inherit'] });
};

/** Builds the peers that are installed for the model in `folder`. */
export function findPeers(o: Options, work: string, folder: string): Peers {
  const peers: Peers = { found: [], missing: [] };
  for (const [name, find] of [['mamba.c', mambaC] as const, ['llama.cpp', llama] as const]) {
    try {
      peers.found.push(...find(o, work, folder));
    } catch (error) {
      peers.missing.push(`${name} is not here: ${error instanceof Error ? error.message : error}`);
    }
  }
  return peers;
}

function mambaC(o: Options, work: string, folder: string): Peer[] {
  if (!existsSync(join(o.mambaC, 'mamba.c')))
    throw new Error('clone kroggen/mamba.c from GitHub and name the folder with --mamba-c or MAMBA_C');
  const program = join(work, 'mamba-c');
  const flags = ['-Ofast', '-fopenmp', '-march=native'];
  run('gcc', [...flags, '-I', o.mambaC, sources('mamba_c.c'), '-lm', '-o', program]);
  const start = () => ReaderProcess.start(program, [join(folder, 'mamba-c.bin')]);
  return [{ ...MAMBA_C, start }];
}

function llama(o: Options, work: string, folder: string): Peer[] {
  const bundle = join(o.llama, 'node_modules/node-llama-cpp/llama/gitRelease.bundle');
  if (o.llama === '' || !existsSync(bundle))
    throw new Error('`npm install --ignore-scripts node-llama-cpp` in a folder and name it with --llama or LLAMA_DIR');
  const libraries = join(o.llama, 'node_modules/@node-llama-cpp/linux-x64/bins/linux-x64');
  const named = readdirSync(libraries).filter((file) => /^lib(llama|ggml)(-base)?(\.v.*)?\.so$/.test(file));
  const headers = join(work, 'llama.cpp');
  if (!existsSync(headers)) run('git', ['clone', '--quiet', '-c', 'advice.detachedHead=false', bundle, headers]);
  const program = join(work, 'llama');
  const includes = ['-I', join(headers, 'include'), '-I', join(headers, 'ggml/include')];
  const links = [...named.map((file) => join(libraries, file)), `-Wl,-rpath,${libraries}`, '-Wl,--allow-shlib-undefined'];
  run('gcc', ['-O2', ...includes, sources('llama.c'), ...links, '-o', program]);
  const whole = join(folder, 'f32.gguf');
  const api = join(o.llama, 'node_modules/node-llama-cpp/dist/index.js');
  return LLAMA.map((kind): Peer => {
    const file = join(folder, `${kind.dtype}.gguf`);
    if (!existsSync(file)) run(program, [libraries, whole, file, kind.dtype]);
    const direct = () => ReaderProcess.start(program, [libraries, file]);
    const throughNode = () => ReaderProcess.start(process.execPath, [sources('node-llama.mjs'), api, file]);
    return { ...kind, start: kind.name === 'llama.cpp' ? direct : throughNode };
  });
}
