export { linearParts } from './operations/linear/kernel';
export { readStates, type ScanStates, selectiveScanShown } from './operations/selective-scan/shown-states';
