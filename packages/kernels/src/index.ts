export { gelu, geluTanh, silu, softplus } from './activations/activations';
export { type CrossEntropyAttrs, type CrossEntropyInputs, crossEntropy } from './cross-entropy/kernel';
export { type CumsumAttrs, cumsum } from './cumsum/kernel';
export { type EmbeddingAttrs, type EmbeddingInputs, embedding } from './embedding/kernel';
export { type LinearInputs, linear } from './linear/kernel';
export { type MatMulAttrs, type MatMulInputs, matMul } from './matmul/kernel';
export { type RmsNormAttrs, type RmsNormInputs, rmsNorm } from './rms-norm/kernel';
export type { SelectiveScanInputs } from './selective-scan/inputs';
export { type SelectiveScanOutputs, selectiveScan } from './selective-scan/kernel';
