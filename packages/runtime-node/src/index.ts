export type { BackendName, Choice, Device } from './choose';
export { type LoadedModel, loadModel, saveModel } from './model-folder';
export { startBackend } from './start-backend';
