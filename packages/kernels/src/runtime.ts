export type { BackendName, Choice, Device } from './runtime/choose';
export { type Platform, type StartOptions, startBackend } from './runtime/start-backend';
export { openTfjsModule, type TfjsModule, type TfjsModuleFactory } from './runtime/tfjs-module';
