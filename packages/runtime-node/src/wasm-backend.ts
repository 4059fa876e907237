import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { registerWasmKernels } from '@densessm/kernels/wasm';
import { SsmError } from '@densessm/ssm-core';
import '@tensorflow/tfjs-backend-wasm';
import { env, findBackend, findBackendFactory, registerBackend, removeBackend, setBackend } from '@tensorflow/tfjs-core';
import { withProcessListeners } from './process-listeners';
import { openSharedBackend } from './shared-backend';
import { spawnWorker } from './spawn-worker';

/** Beyond that there are more threads than blocks in most kernels. */
export const MOST_THREADS = 64;
const MOST_BY_DEFAULT = 16;
const PRIORITY = 2;

type Factory = Parameters<typeof registerBackend>[1];

interface Running {
  threads: number;
  isShared: boolean;
  /** What there is to say about it. */
  about: string;
}

let running: Running | undefined;
let last: Promise<unknown> = Promise.resolve();

/** Starts tfjs's wasm backend with our kernels, or changes its number of threads; calls that overlap wait for each other. */
export async function startWasmBackend(threads: number | undefined): Promise<string> {
  const mine = last.then(() => startOrChange(threads));
  last = mine.catch(() => undefined);
  return mine;
}

async function startOrChange(threads: number | undefined): Promise<string> {
  if (running !== undefined && (threads ?? running.threads) === running.threads) return running.about;
  if (!(await env().getAsync('WASM_HAS_SIMD_SUPPORT'))) throw new Error('this machine runs WebAssembly without SIMD');
  // Node 20 has relaxed SIMD behind this flag, later versions without one; V8 ignores flags that it does not know
  setFlagsFromString('--experimental-wasm-relaxed-simd');
  const wanted = threads ?? Math.min(availableParallelism(), MOST_BY_DEFAULT);
  if (running?.isShared || wanted === 1) running = await withThreads(wanted, running?.isShared ?? false);
  else running = await shareMemory(wanted, threads === undefined);
  return running.about;
}

/** Our kernels on the backend that is registered. */
async function withThreads(wanted: number, isShared: boolean, remark = ''): Promise<Running> {
  await withProcessListeners(activate);
  const { names, simd, threads } = await registerWasmKernels(findBackend('wasm'), {
    threads: wanted > 1 ? { spawn: spawnWorker, threads: wanted } : undefined,
  });
  const simdName = simd === 'relaxed' ? 'relaxed SIMD' : 'SIMD';
  const about = `WebAssembly with ${simdName}, ${threads === 1 ? 'one thread' : `${threads} threads`}${remark}, ${names.length} kernels of ours`;
  return { threads, isShared, about };
}

/** Replaces the backend, which has no tensors yet, by one whose memory threads can share; goes back to one thread if that may be. */
async function shareMemory(wanted: number, mayFallBack: boolean): Promise<Running> {
  const backend = findBackendFactory('wasm') === null ? null : running && (findBackend('wasm') as unknown as { numDataIds(): number });
  if (backend && backend.numDataIds() > 0) throw hasTensors(backend.numDataIds());
  const stock = findBackendFactory('wasm');
  try {
    await replaceBackend(openSharedBackend);
    return await withThreads(wanted, true);
  } catch (cause) {
    if (!mayFallBack) throw cause;
    await replaceBackend(stock);
    return withThreads(1, false, ` (threads failed: ${String(cause).split('\n', 1)[0]})`);
  }
}

async function replaceBackend(factory: Factory | null): Promise<void> {
  await withProcessListeners(async () => {
    if (findBackendFactory('wasm') !== null) removeBackend('wasm');
  });
  if (factory !== null) registerBackend('wasm', factory, PRIORITY);
}

async function activate(): Promise<void> {
  if (findBackendFactory('wasm') === null) throw new Error("tfjs's wasm backend is not registered");
  // setBackend reports a failure on the console, and here as false
  if (!(await setBackend('wasm'))) throw new Error("tfjs's wasm backend did not start");
}

const hasTensors = (count: number): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: 'startBackend: threads cannot share the memory of a backend that started with one.',
    expected: 'the number of threads at the first start, or a backend without tensors',
    got: `${count} tensors on the wasm backend`,
    mend: 'pass `threads` to the first startBackend, or dispose of all tensors before',
  });
