import { SsmError } from '@densessm/ssm-core';
import {
  engine,
  env,
  findBackend,
  findBackendFactory,
  type KernelBackend,
  registerBackend,
  removeBackend,
  setBackend,
} from '@tensorflow/tfjs-core';
import { activate } from '../../runtime/activate';
import type { BackendStarter, StartRequest } from '../../runtime/choose';
import { registerWasmKernels } from './register';
import type { Spawn } from './threads/pool';

const MOST_BY_DEFAULT = 16;
const PRIORITY = 2;

/** What differs between Node and a page. */
export interface WasmPlatform {
  /** Opens tfjs's wasm backend, with a memory that threads can share or one of its own; see `openTfjsModule`. */
  openWasm(isShared: boolean): Promise<KernelBackend>;
  /** Makes a change that runs Emscripten's start or end, and undoes what they leave behind. */
  around(change: () => Promise<void>): Promise<void>;
  spawn: Spawn;
  cores: number;
  /** Why threads have no memory to share here, where it is so. */
  lacksThreads?: Obstacle;
}

interface Obstacle {
  why: string;
  fix: string;
}

interface Running {
  threads: number;
  isShared: boolean;
  /** What there is to say about it. */
  about: string;
}

type CountingBackend = KernelBackend & { numDataIds(): number };

let running: Running | undefined;
let last: Promise<unknown> = Promise.resolve();

/**
 * tfjs's wasm backend with our kernels: started, or given another number of threads where it runs already. Calls that overlap wait for each other.
 * It falls back to one thread where more cannot be had, unless the user named the device and a number of threads.
 */
export const wasmStarter = (platform: WasmPlatform): BackendStarter<'wasm'> => ({
  name: 'wasm',
  probe: async () => ((await env().getAsync('WASM_HAS_SIMD_SUPPORT')) ? true : 'this machine runs WebAssembly without SIMD'),
  start: async (request) => {
    const mine = last.then(() => startOrChange(platform, request));
    last = mine.catch(() => undefined);
    const about = await mine;
    await activate('wasm');
    return about;
  },
});

async function startOrChange(platform: WasmPlatform, { threads, isNamed }: StartRequest): Promise<string> {
  if (running !== undefined && (threads ?? running.threads) === running.threads) return running.about;
  const wanted = threads ?? Math.min(platform.cores, MOST_BY_DEFAULT);
  if (running?.isShared) running = await withThreads(platform, wanted, true);
  else running = await open(platform, wanted, !isNamed || threads === undefined);
  return running.about;
}

/** Opens a backend in place of the current one. Falls back to one thread, on the current backend, if memory cannot be shared and `mayFallBack`. */
async function open(platform: WasmPlatform, wanted: number, mayFallBack: boolean): Promise<Running> {
  const current = engine().registry.wasm as CountingBackend | undefined;
  const obstacle = current && current.numDataIds() > 0 ? tensorsOn(current) : platform.lacksThreads;
  if (wanted > 1 && obstacle && !mayFallBack) throw cannotShare(wanted, obstacle);
  const remark = wanted > 1 && obstacle ? ` (${obstacle.why}: ${obstacle.fix})` : '';
  if (current && obstacle) return withThreads(platform, 1, false, remark);
  if (wanted === 1 || obstacle) return replaceBackend(platform, 1, remark);
  try {
    return await replaceBackend(platform, wanted);
  } catch (cause) {
    if (!mayFallBack) throw cause;
    return replaceBackend(platform, 1, ` (threads failed: ${String(cause).split('\n', 1)[0]})`);
  }
}

async function replaceBackend(platform: WasmPlatform, threads: number, remark = ''): Promise<Running> {
  const isShared = threads > 1;
  await platform.around(async () => {
    const backend = await platform.openWasm(isShared);
    if (findBackendFactory('wasm') !== null) removeBackend('wasm');
    running = undefined;
    registerBackend('wasm', () => backend, PRIORITY);
  });
  return withThreads(platform, threads, isShared, remark);
}

/** Our kernels on the backend that is registered. */
async function withThreads(platform: WasmPlatform, wanted: number, isShared: boolean, remark = ''): Promise<Running> {
  // setBackend reports a failure on the console, and here as false
  if (!(await setBackend('wasm'))) throw new Error("tfjs's wasm backend did not start");
  const { names, simd, threads } = await registerWasmKernels(findBackend('wasm'), {
    threads: wanted > 1 ? { spawn: platform.spawn, threads: wanted } : undefined,
  });
  const simdName = simd === 'relaxed' ? 'relaxed SIMD' : 'SIMD';
  const about = `WebAssembly with ${simdName}, ${threads === 1 ? 'one thread' : `${threads} threads`}${remark}, ${names.length} kernels of ours`;
  return { threads, isShared, about };
}

const tensorsOn = (backend: CountingBackend): Obstacle => ({
  why: `the wasm backend has ${backend.numDataIds()} tensors on a memory of its own`,
  fix: 'pass `threads` to the first startBackend, or dispose of all tensors before',
});

const cannotShare = (threads: number, { why, fix }: Obstacle): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: 'startBackend: threads have no memory to share.',
    expected: `${threads} threads on one memory`,
    got: why,
    fix: `${fix}; or leave \`threads\` out`,
  });
