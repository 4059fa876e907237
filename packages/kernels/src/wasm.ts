export { type LoadedBuild, loadBuild, type SimdBuild } from './backends/wasm/build';
export { PackedLinear, type PackedProductOptions } from './backends/wasm/packed/packed-linear';
export { registerWasmKernels, type WasmKernelOptions, type WasmKernels } from './backends/wasm/register';
export {
  type BlockCalls,
  type SharedBuild,
  type Spawn,
  type Thread,
  ThreadPool,
  type ThreadPoolOptions,
} from './backends/wasm/threads/pool';
export type { ThreadStart } from './backends/wasm/threads/thread';
export { threadSource } from './generated/wasm-kernels';
