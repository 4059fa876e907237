import '@tensorflow/tfjs'; // registers the gradients, of which tfjs-core alone has none
import '@tensorflow/tfjs-backend-cpu';
import { SsmError } from '@densessm/ssm-core';
import { engine, findBackend, findBackendFactory, setBackend } from '@tensorflow/tfjs-core';
import { type BackendName, type Choice, choose, type Device } from './choose';
import { MOST_THREADS, startWasmBackend } from './wasm-backend';

export interface StartOptions {
  device?: Device;
  /** Threads of the wasm backend; as many as there are cores, at most 16, where this is left out. */
  threads?: number;
}

/**
 * Starts a TensorFlow.js backend with gradients and our fast kernels, makes it the current one, and says which it is and why.
 * 'auto' prefers wasm (SIMD, threads) and falls back to cpu; a named device that cannot start is an error. Calling it again costs nothing.
 * @throws SsmError BACKEND, or OPTION for an unknown device or number of threads
 */
export async function startBackend({ device = 'auto', threads }: StartOptions = {}): Promise<Choice> {
  checkThreads(threads);
  return choose(device, { wasm: () => startWasm(threads), cpu: startCpu });
}

async function startCpu(): Promise<string> {
  quietCpu();
  await activate('cpu');
  return 'plain JavaScript, which every machine runs';
}

async function startWasm(threads: number | undefined): Promise<string> {
  quietCpu();
  const about = await startWasmBackend(threads);
  await activate('wasm');
  return about;
}

async function activate(name: BackendName): Promise<void> {
  if (findBackendFactory(name) === null) throw new Error(`tfjs's ${name} backend is not registered`);
  if (engine().backendName === name) return;
  // setBackend reports a failure on the console, and here as false
  if (!(await setBackend(name))) throw new Error(`tfjs's ${name} backend did not start`);
}

/** The cpu backend recommends tfjs-node on its first use, in a banner on stderr. Its own flag, not a muted console, turns that off. */
function quietCpu(): void {
  const cpu = findBackend('cpu') as { firstUse?: boolean } | null;
  if (cpu !== null) cpu.firstUse = false;
}

function checkThreads(threads: number | undefined): void {
  if (threads === undefined || (Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS)) return;
  throw new SsmError({
    code: 'OPTION',
    what: 'startBackend: `threads` is not a number of threads.',
    expected: `a whole number from 1 to ${MOST_THREADS}`,
    got: String(threads),
    mend: 'leave it out to use all cores',
  });
}
