import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import {
  type Choice as ChoiceOf,
  cpuStarter,
  type Device as DeviceOf,
  devicesOf,
  type StartOptions as OptionsOf,
  startBackend as start,
  wasmStarter,
  webgpuStarter,
} from '@densessm/kernels/runtime';
import { findBackend } from '@tensorflow/tfjs-core';
import { loadGradientsWhenNeeded } from './gradients';
import { webGpu } from './open-gpu';
import { openWasm } from './open-wasm';
import { withProcessListeners } from './process-listeners';
import { spawnWorker } from './spawn-worker';

const wasm = wasmStarter({ openWasm, around: withProcessListeners, spawn: spawnWorker, cores: availableParallelism() });
/** The backends of Node; 'auto' takes the first that can be started, and has reason to be. */
const BACKENDS = [webgpuStarter(webGpu, wasm), wasm, cpuStarter] as const;

export type BackendName = (typeof BACKENDS)[number]['name'];
export type Device = DeviceOf<BackendName>;
export type Choice = ChoiceOf<BackendName>;
export type StartOptions = OptionsOf<BackendName>;

/** What `device` may be: 'auto', and the name of every backend. */
export const DEVICES: readonly Device[] = devicesOf<BackendName>(BACKENDS);

/**
 * Starts a TensorFlow.js backend with gradients and our fast kernels, makes it the current one, and says which it is and why.
 * 'auto' takes webgpu where it computes rightly and faster than wasm, then wasm (SIMD, threads), and falls back to cpu; a named device that cannot
 * start is an error. Calling it again costs nothing.
 * @throws SsmError BACKEND, or OPTION for an unknown device or number of threads
 */
export async function startBackend(options: StartOptions = {}): Promise<Choice> {
  quietCpu();
  loadGradientsWhenNeeded();
  // Node 20 has relaxed SIMD behind this flag, later versions without one: they would complain of it on stderr
  if (Number.parseFloat(process.versions.v8) < 11.4) setFlagsFromString('--experimental-wasm-relaxed-simd');
  return start<BackendName>(BACKENDS, options);
}

/** The cpu backend recommends tfjs-node on its first use, in a banner on stderr. Its own flag, not a muted console, turns that off. */
function quietCpu(): void {
  const cpu = findBackend('cpu') as { firstUse?: boolean } | null;
  if (cpu !== null) cpu.firstUse = false;
}
