import { wasmKernel } from '../wasm-kernel';

const packBlocks = ['packWeightsBlocks', 'first', 'rows'] as const;
/** What every product with packed weights does once its x is there; `epilogue` is a number of assembly-floats.ts. */
const result = { bias: 'tensor', y: 'tensor', rows: 'i32', width: 'i32', out: 'i32', epilogue: 'i32' } as const;
const ofKind = { kind: 'i32', weights: 'tensor', x: 'tensor', stride: 'i32', ...result } as const;

export const packWeights = wasmKernel(
  'packWeights',
  { kind: 'i32', from: 'tensor', first: 'i32', rows: 'i32', width: 'i32', weights: 'tensor', bad: 'tensor' },
  { blocks: packBlocks, scratch: ['packWeightsScratchBytes'] },
);

export const packIntegers = wasmKernel(
  'packIntegers',
  { kind: 'i32', numbers: 'tensor', scales: 'tensor', first: 'i32', rows: 'i32', width: 'i32', weights: 'tensor' },
  { blocks: packBlocks },
);

/** Few rows: weights are read once, from first to last. */
export const packedLinear = wasmKernel(
  'packedLinear',
  { ...ofKind, prefetch: 'tensor' },
  { blocks: ['packedLinearBlocks', 'rows', 'width', 'out'], scratch: ['packedLinearScratchBytes', 'rows'] },
);

/** Many rows, by the tiles of matMul. */
export const packedProduct = wasmKernel('packedProduct', ofKind, {
  blocks: ['packedProductBlocks', 'rows', 'width', 'out'],
  scratch: ['packedProductScratchBytes', 'kind', 'rows', 'width', 'out'],
});

/** The sums of quarters of x that a Strassen multiplication needs. */
export const packSums = wasmKernel(
  'packSums',
  { x: 'tensor', stride: 'i32', to: 'tensor', rows: 'i32', width: 'i32' },
  { blocks: ['packSumsBlocks', 'rows'], scratch: ['packSumsScratchBytes', 'width'] },
);

export const strassenProduct = wasmKernel(
  'strassenProduct',
  { weights: 'tensor', sums: 'tensor', x: 'tensor', stride: 'i32', ...result },
  { blocks: ['strassenProductBlocks', 'rows', 'out'], scratch: ['strassenProductScratchBytes', 'rows', 'width', 'out'] },
);

/** Quantizes activations to 16 bits, in groups. */
export const packActivations = wasmKernel(
  'packActivations',
  { x: 'tensor', stride: 'i32', to: 'tensor', rows: 'i32', width: 'i32' },
  { blocks: ['packActivationsBlocks', 'rows', 'width'] },
);

export const packedKernels = [packWeights, packIntegers, packedLinear, packedProduct, packSums, strassenProduct, packActivations];
