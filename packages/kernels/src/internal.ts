export { runtimeOf } from './backend-runtime';
export { gpuChoices } from './backends/webgpu/choices';
export { linearParts } from './operations/linear/kernel';
export { hasHalfProducts, withPrecision } from './operations/matmul/precision';
export { readStates, type ScanStates, selectiveScanShown } from './operations/selective-scan/shown-states';
export type { Recorder, Recording } from './recording';
export { CALLS_BEFORE_REPLAY, Replayed } from './replayed';
