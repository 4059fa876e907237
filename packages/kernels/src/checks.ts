export { checkKernel, type KernelDeviation } from './checks/check-kernel';
export {
  evaluateSample,
  type KernelCheck,
  kernelCheck,
  type Outcome,
  operationCheck,
  type Sample,
  type SampleInput,
  sampleTensor,
} from './checks/kernel-check';
export { kernelChecks } from './checks/list';
export { kernelOf, switchOff } from './checks/switch-off';
