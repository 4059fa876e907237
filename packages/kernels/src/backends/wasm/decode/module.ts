type Call = (...addressesAndSizes: number[]) => void;

/** What packed weights and single-token steps use of the exports of the assemblies. */
export interface DecodeModule {
  packWeightsBlocks(first: number, rows: number): number;
  packWeightsScratchBytes(): number;
  /** kind, from, first, rows, width, weights, bad, block, scratch */
  packWeights: Call;
  /** kind, numbers, scales, first, rows, width, weights, block */
  packIntegers: Call;
  packedLinearBlocks(rows: number, width: number, out: number): number;
  packedLinearScratchBytes(rows: number): number;
  /** kind, weights, x, stride, bias, y, rows, width, out, then, looks, block, scratch */
  packedLinear: Call;
  packedProductBlocks(rows: number, width: number, out: number): number;
  packedProductScratchBytes(kind: number, rows: number, width: number, out: number): number;
  /** kind, weights, x, stride, bias, y, rows, width, out, then, block, scratch */
  packedProduct: Call;
  /** Whether a product with float32 weights is made by the following two. */
  strassenApplies(rows: number, width: number, out: number): number;
  packedSumsBytes(rows: number, width: number): number;
  packSumsBlocks(rows: number): number;
  packSumsScratchBytes(width: number): number;
  /** x, stride, to, rows, width, block, scratch */
  packSums: Call;
  strassenProductBlocks(rows: number, out: number): number;
  strassenProductScratchBytes(rows: number, width: number, out: number): number;
  /** weights, sums, x, stride, bias, y, rows, width, out, then, block, scratch */
  strassenProduct: Call;
  /** table, block, scratch */
  packedLinears: Call;
  packActivationsBlocks(rows: number, width: number): number;
  packedActivationsBytes(rows: number, width: number): number;
  /** x, stride, to, rows, width, block */
  packActivations: Call;
  rmsNormBlocks(rows: number, width: number): number;
  /** x, weight, gate, y, rows, width, size, eps, inside, block */
  rmsNorm: Call;
  convolutionStepBlocks(batch: number, channels: number): number;
  /** x, stride, w, bias, tail, y, channels, width, block */
  convolutionStep: Call;
  selectiveStepBlocks(batch: number, channels: number, size: number): number;
  selectiveStepScratchBytes(size: number): number;
  /** u, delta, A, bc, stride, D, h, z, zStride, sources, count, gate, y, channels, size, block, scratch */
  selectiveStep: Call;
  decayStepBlocks(batch: number, heads: number, keys: number, values: number): number;
  /** q, k, stride, v, vStride, a, s, d, S, sources, count, gate, o, batch, heads, ofGroup, keys, values, block */
  decayStep: Call;
  valueBlocks(rows: number, size: number): number;
  /** x, stride, y, size, block */
  siluRows: Call;
  /** own, gate, sources, count, y, size, block */
  denseSum: Call;
  /** x, cos, sin, scale, batch, heads, size */
  rotateRows: Call;
  /** x, gate, y, size, kind, block */
  gatedUnit: Call;
  /** x, stride, bias, A, least, most, delta, decay, batch, heads */
  timeSteps: Call;
}
