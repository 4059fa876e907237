export { type Sample, type SampleInput, sampleTensor } from '@densessm/kernels/checks';
export { type Distance, distance, expectClose, type Values } from './expect-close';
export { expectGradientsMatchDifferences } from './gradient-check';
export { describeKernelChecks, describeKernelParity, type ParityOptions } from './kernel-parity';
export { advanceInPieces, describeSequenceModel, type ModelCase, someTokens } from './sequence-model';
