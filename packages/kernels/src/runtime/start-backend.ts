import { SsmError } from '@densessm/ssm-core';
import { engine, findBackendFactory, type KernelBackend, setBackend } from '@tensorflow/tfjs-core';
import type { Spawn } from '../backends/wasm/threads/pool';
import { startWasmBackend } from '../backends/wasm/wasm-backend';
import { type BackendName, type Choice, choose, type Device } from './choose';

/** Beyond that there are more threads than blocks in most kernels. */
const MOST_THREADS = 64;

export interface StartOptions {
  device?: Device;
  /** Threads of the wasm backend; as many as there are cores, at most 16, where this is left out. */
  threads?: number;
}

/** What differs between Node and a page. */
export interface Platform {
  /** Opens tfjs's wasm backend, with a memory that threads can share or one of its own; see `openTfjsModule`. */
  openWasm(isShared: boolean): Promise<KernelBackend>;
  /** Makes a change that runs Emscripten's start or end, and undoes what they leave behind. */
  around(change: () => Promise<void>): Promise<void>;
  spawn: Spawn;
  cores: number;
  /** Why threads have no memory to share here, where it is so. */
  lacksThreads?: Obstacle;
}

export interface Obstacle {
  why: string;
  fix: string;
}

/**
 * Starts a backend with our fast kernels on a platform, makes it the current one, and says which it is and why. The tfjs backends and gradients must have been imported.
 * 'auto' prefers wasm (SIMD, threads) and falls back, to one thread and then to cpu; a named device that cannot start is an error.
 * @throws SsmError BACKEND, or OPTION for an unknown device or number of threads
 */
export async function startBackend(platform: Platform, { device = 'auto', threads }: StartOptions = {}): Promise<Choice> {
  checkThreads(threads);
  const startCpu = async (): Promise<string> => {
    await activate('cpu');
    return 'plain JavaScript, which every machine runs';
  };
  const startWasm = async (): Promise<string> => {
    const about = await startWasmBackend(platform, threads, device === 'auto' || threads === undefined);
    await activate('wasm');
    return about;
  };
  return choose(device, { wasm: startWasm, cpu: startCpu });
}

async function activate(name: BackendName): Promise<void> {
  if (findBackendFactory(name) === null) throw new Error(`tfjs's ${name} backend is not registered`);
  if (engine().backendName === name) return;
  // setBackend reports a failure on the console, and here as false
  if (!(await setBackend(name))) throw new Error(`tfjs's ${name} backend did not start`);
}

function checkThreads(threads: number | undefined): void {
  if (threads === undefined || (Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS)) return;
  throw new SsmError({
    code: 'OPTION',
    what: 'startBackend: `threads` is not a number of threads.',
    expected: `a whole number from 1 to ${MOST_THREADS}`,
    got: String(threads),
    fix: 'leave it out to use all cores',
  });
}
