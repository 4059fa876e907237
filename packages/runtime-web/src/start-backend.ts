import '#gradients'; // those of tfjs's own operations, of which tfjs-core alone registers none
import '@tensorflow/tfjs-backend-cpu';
import {
  type Choice as ChoiceOf,
  cpuStarter,
  type Device as DeviceOf,
  type StartOptions,
  startBackend as start,
  wasmStarter,
  webgpuStarter,
} from '@densessm/kernels/runtime';
import { webGpu } from './open-gpu';
import { openWasm, WASM_FILE } from './open-wasm';
import { spawnWorker } from './spawn-worker';

export interface WebStartOptions extends StartOptions<BackendName> {
  /** Where the server has tfjs-backend-wasm-simd.wasm of @tensorflow/tfjs-backend-wasm: beside the page, where this is left out. */
  wasmUrl?: string | URL;
}

const NOT_ISOLATED = {
  why: 'the page is not cross-origin isolated',
  fix: 'serve it with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp for more threads',
};

/** The backends of a page; 'auto' takes the first that can be started. */
const backends = (wasmUrl: string | URL) => {
  const wasm = wasmStarter({
    openWasm: (isShared) => openWasm(wasmUrl, isShared),
    around: (change) => change(),
    spawn: spawnWorker,
    cores: globalThis.navigator?.hardwareConcurrency ?? 1,
    lacksThreads: globalThis.crossOriginIsolated ? undefined : NOT_ISOLATED,
  });
  return [webgpuStarter(webGpu, wasm), wasm, cpuStarter] as const;
};

export type BackendName = ReturnType<typeof backends>[number]['name'];
export type Device = DeviceOf<BackendName>;
export type Choice = ChoiceOf<BackendName>;

/**
 * Starts a TensorFlow.js backend with gradients and our fast kernels, makes it the current one, and says which it is and why.
 * 'auto' takes webgpu where it computes rightly and faster than wasm, then wasm (SIMD, threads where the page is cross-origin isolated), and falls
 * back to one thread and to cpu; a named device that cannot start, or not with as many threads as asked for, is an error. Calling it again costs nothing.
 * @throws SsmError BACKEND, or OPTION for an unknown device or number of threads
 */
export async function startBackend({ wasmUrl = WASM_FILE, ...options }: WebStartOptions = {}): Promise<Choice> {
  return start<BackendName>(backends(wasmUrl), options);
}
