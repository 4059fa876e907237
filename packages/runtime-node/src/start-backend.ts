import '@tensorflow/tfjs'; // registers the gradients, of which tfjs-core alone has none
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import { setFlagsFromString } from 'node:v8';
import { registerWasmKernels } from '@densessm/kernels/wasm';
import { engine, env, findBackend, findBackendFactory, setBackend } from '@tensorflow/tfjs-core';
import { type BackendName, type Choice, choose, type Device } from './choose';

/**
 * Starts a TensorFlow.js backend with gradients and our fast kernels, makes it the current one, and says which it is and why.
 * 'auto' prefers wasm (SIMD) and falls back to cpu; a named device that cannot start is an error. Calling it again costs nothing.
 * @throws SsmError BACKEND, or OPTION for an unknown device
 */
export async function startBackend({ device = 'auto' }: { device?: Device } = {}): Promise<Choice> {
  return choose(device, { wasm: startWasm, cpu: startCpu });
}

const starting: { [name in BackendName]?: Promise<string> } = {};

/** Starts a backend once; its failure is remembered by no one, so that it can be tried again. */
function once(name: BackendName, start: () => Promise<string>): Promise<string> {
  const running = starting[name] ?? start();
  starting[name] = running;
  running.catch(() => delete starting[name]);
  return running;
}

async function startCpu(): Promise<string> {
  quietCpu();
  await activate('cpu');
  return 'plain JavaScript, which every machine runs';
}

async function startWasm(): Promise<string> {
  quietCpu();
  const reason = await once('wasm', async () => {
    if (!(await env().getAsync('WASM_HAS_SIMD_SUPPORT'))) throw new Error('this machine runs WebAssembly without SIMD');
    await withoutNewProcessListeners(() => activate('wasm'));
    // Node 20 has relaxed SIMD behind this flag, later versions without one; V8 ignores flags that it does not know
    setFlagsFromString('--experimental-wasm-relaxed-simd');
    const { names, simd } = await registerWasmKernels(findBackend('wasm'));
    return `WebAssembly with ${simd === 'relaxed' ? 'relaxed SIMD' : 'SIMD'}, one thread, ${names.length} kernels of ours`;
  });
  await activate('wasm');
  return reason;
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

/**
 * Emscripten's start adds listeners that end the process with its own trace on any unhandled rejection, ours or the user's.
 * Removes those that appeared while `start` ran.
 */
async function withoutNewProcessListeners(start: () => Promise<void>): Promise<void> {
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const before = events.map((event) => new Set<unknown>(process.listeners(event as 'uncaughtException')));
  try {
    await start();
  } finally {
    for (const [i, event] of events.entries()) {
      for (const listener of process.listeners(event as 'uncaughtException')) {
        if (!before[i]?.has(listener)) process.removeListener(event, listener);
      }
    }
  }
}
