export type { KeptFile, KeptModel, StorageRoom } from './kept-models';
export {
  type DownloadOptions,
  type DownloadProgress,
  type LoadPretrainedOptions,
  loadPretrained,
  openPretrained,
  type PretrainedSource,
} from './pretrained';
export { type BackendName, type Choice, type Device, startBackend, type WebStartOptions } from './start-backend';
