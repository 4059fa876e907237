export type { BackendName, Choice, Device } from '@densessm/kernels/runtime';
export { downloadDatasetFile, downloadUrl, listDataset } from './hub/data-set';
export type { DownloadProgress, HubOptions } from './hub/options';
export { type LoadPretrainedOptions, loadPretrained } from './load-pretrained';
export { savePretrained } from './model-folder';
export { openPretrained, type PretrainedSource } from './pretrained';
export { startBackend } from './start-backend';
