export { type Sample, type SampleInput, sampleTensor } from '@densessm/kernels/checks';
export { type DecoderCases, describeDecoder } from './decoder';
export { type Distance, distance, expectClose, type Values } from './expect-close';
export { expectGradientsMatchDifferences } from './gradient-check';
export { type Kept, keptForBackward } from './kept-for-backward';
export { describeKernelChecks, describeKernelParity, type ParityOptions } from './kernel-parity';
export { heapBuffers, normal, packedLinearNaive, roundedWeights } from './packed-oracle';
export { describeSequenceModel, type ModelCase } from './sequence-model/describe';
export { advanceInPieces, someTokens } from './sequence-model/parts';
