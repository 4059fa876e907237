type Call = (...addressesAndSizes: number[]) => void;

/** What single-token steps use of the exports of the assemblies. */
export interface DecodeModule {
  packedLinearBlocks(rows: number, width: number, out: number): number;
  /** kind, weights, x, bias, y, rows, width, out, add, block */
  packedLinear: Call;
  /** x, to, rows, width */
  packActivations: Call;
}
