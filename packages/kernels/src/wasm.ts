export { registerWasmKernels } from './wasm/register';
