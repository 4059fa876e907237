import { withSharedMemory } from './shared-memory';

type Cwrap = (name: string, returns: 'number' | null, takes: readonly 'number'[]) => unknown;

/** What Emscripten makes of tfjs's WebAssembly. */
export interface TfjsModule {
  readonly cwrap: Cwrap;
  /** What tfjs's `BackendWasm` calls. */
  tfjs?: object;
}
export type TfjsModuleFactory = (options: { wasmBinary: Uint8Array }) => Promise<TfjsModule>;

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
 * The module under tfjs's wasm backend, in its build with SIMD and without threads, on a memory that our threads can share or on one of its own.
 * tfjs's build with threads starts eight workers of its own, and refuses to run in Node.
 * @param factory the default export of tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js; tfjs too runs its SIMD module on the JavaScript of the other one
 * @param binary the bytes of tfjs-backend-wasm-simd.wasm
 */
export async function openTfjsModule(factory: TfjsModuleFactory, binary: Uint8Array, isShared: boolean): Promise<TfjsModule> {
  const module = await factory({ wasmBinary: isShared ? withSharedMemory(binary) : binary });
  const doors = Object.entries(DOORS).map(([door, [name, returns, parameters]]) => {
    const takes = Array.from({ length: parameters }, () => 'number' as const);
    return [door, module.cwrap(name, returns, takes)];
  });
  module.tfjs = Object.fromEntries(doors);
  return module;
}
