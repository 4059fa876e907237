export type { BackendName, Choice, Device } from '@densessm/kernels/runtime';
export {
  type DownloadOptions,
  type DownloadProgress,
  type LoadPretrainedOptions,
  loadPretrained,
  openPretrained,
  type PretrainedSource,
} from './pretrained';
export { startBackend, type WebStartOptions } from './start-backend';
