export type { SimdBuild } from './wasm/build';
export { registerWasmKernels, type WasmKernelOptions, type WasmKernels } from './wasm/register';
