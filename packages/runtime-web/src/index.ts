export { deleteKeptModel, type KeptFile, type KeptModel, keptModels } from './kept-models';
export {
  type DownloadOptions,
  type DownloadProgress,
  type LoadPretrainedOptions,
  loadPretrained,
  openPretrained,
  type PretrainedSource,
} from './pretrained';
export { type BackendName, type Choice, type Device, startBackend, type WebStartOptions } from './start-backend';
export { type SiteFile, SiteFolder } from './storage/site-folder';
export { type StorageRoom, storageRoom } from './storage/site-storage';
