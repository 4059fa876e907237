export { openTfjsModule, type TfjsModule, type TfjsModuleFactory } from './backends/wasm/tfjs-module';
export type { BackendName, Choice, Device } from './runtime/choose';
export { type Platform, type StartOptions, startBackend } from './runtime/start-backend';
