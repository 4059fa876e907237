export { type ListenOptions, listen, type RunningServer } from './listen';
export { type StateFolderOptions, stateFolder } from './state-folder';
