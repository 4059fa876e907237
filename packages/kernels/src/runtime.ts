export { type WasmPlatform, wasmStarter } from './backends/wasm/starter';
export { openTfjsModule, type TfjsModule, type TfjsModuleFactory } from './backends/wasm/tfjs-module';
export { type WebGpuPlatform, webgpuStarter } from './backends/webgpu/starter';
export { packer } from './packed/pack-params';
export { type BackendStarter, type Choice, type Device, devicesOf, type StartRequest } from './runtime/choose';
export { cpuStarter } from './runtime/cpu-starter';
export { type StartOptions, startBackend } from './runtime/start-backend';
