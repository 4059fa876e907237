export type { BackendName, Choice, Device } from './choose';
export { downloadDatasetFile, downloadUrl, listDataset } from './hub/data-set';
export type { DownloadProgress, HubOptions } from './hub/options';
export { savePretrained } from './model-folder';
export { type LoadPretrainedOptions, loadPretrained, openPretrained, type PretrainedSource } from './pretrained';
export { startBackend } from './start-backend';
