import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { withSharedMemory } from '@densessm/kernels/wasm';
import { BackendWasm } from '@tensorflow/tfjs-backend-wasm';

type Cwrap = (name: string, returns: 'number' | null, takes: readonly 'number'[]) => unknown;
type EmscriptenModule = { cwrap: Cwrap; tfjs?: object };
type Factory = (options: { wasmBinary: Uint8Array }) => Promise<EmscriptenModule>;

/** tfjs too runs its SIMD module on the JavaScript of the other one. */
const FOLDER = '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm';

/** What `BackendWasm` calls, as tfjs's own start names it: what each returns and takes. */
const DOORS: Record<string, [name: string, returns: 'number' | null, parameters: number]> = {
  init: ['init', null, 0],
  initWithThreadsCount: ['init_with_threads_count', null, 1],
  getThreadsCount: ['get_threads_count', 'number', 0],
  registerTensor: ['register_tensor', null, 3],
  disposeData: ['dispose_data', null, 1],
  dispose: ['dispose', null, 0],
};

/**
 * tfjs's wasm backend in its build without threads, on a memory that our threads can share. tfjs's own build with threads starts eight
 * workers that keep the process alive, and refuses to run in Node.
 */
export async function openSharedBackend(): Promise<BackendWasm> {
  const require = createRequire(import.meta.url);
  const factory = require(`${FOLDER}.js`) as Factory;
  const wasmBinary = withSharedMemory(await readFile(require.resolve(`${FOLDER}-simd.wasm`)));
  const module = await factory({ wasmBinary });
  const doors = Object.entries(DOORS).map(([door, [name, returns, parameters]]) => [
    door,
    module.cwrap(
      name,
      returns,
      Array.from({ length: parameters }, () => 'number' as const),
    ),
  ]);
  module.tfjs = Object.fromEntries(doors);
  return new BackendWasm(module as unknown as ConstructorParameters<typeof BackendWasm>[0]);
}
