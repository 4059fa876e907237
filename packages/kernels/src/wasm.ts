export { threadSource } from './generated/wasm-kernels';
export { type BlockCalls, type SharedBuild, type Spawn, type Thread, ThreadPool, type ThreadPoolOptions } from './threads/pool';
export type { ThreadStart } from './threads/thread';
export { type LoadedBuild, loadBuild, type SimdBuild } from './wasm/build';
export { registerWasmKernels, type WasmKernelOptions, type WasmKernels } from './wasm/register';
