export { downloadDatasetFile, downloadUrl, listDataset } from './hub/data-set';
export type { DownloadProgress, HubOptions } from './hub/options';
export { type LoadPretrainedOptions, loadPretrained } from './load-pretrained';
export { savePretrained } from './model-folder';
export { openPretrained, type PretrainedSource } from './pretrained';
export { modelFolder } from './run-folder';
export { type BackendName, type Choice, DEVICES, type Device, type StartOptions, startBackend } from './start-backend';
export { noteWrongKernels } from './wrong-kernels';
