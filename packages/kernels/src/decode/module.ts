type Call = (...addressesAndSizes: number[]) => void;

/** What single-token steps use of the exports of the assemblies. */
export interface DecodeModule {
  packedLinearBlocks(rows: number, width: number, out: number): number;
  /** kind, weights, x, stride, bias, y, rows, width, out, add, block */
  packedLinear: Call;
  /** x, stride, to, rows, width */
  packActivations: Call;
  rmsNormBlocks(rows: number, width: number): number;
  /** x, weight, gate, y, rows, width, size, eps, inside, block */
  rmsNorm: Call;
  elementBlocks(size: number): number;
  /** x, y, size, block */
  silu: Call;
  /** x, stride, w, bias, tail, y, batch, channels, width */
  convolutionStep: Call;
  selectiveStepBlocks(batch: number, channels: number, size: number): number;
  /** u, delta, A, bc, stride, D, h, z, zStride, sources, count, gate, y, channels, size, block */
  selectiveStep: Call;
}
