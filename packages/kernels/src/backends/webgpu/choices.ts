/**
 * Which of several ways the kernels of a GPU go, where each computes the same: what was fastest where it was measured. Tests set it to reach every way with
 * small sizes, `bench/gpu` to time them beside each other.
 */
export const gpuChoices = {
  /** Key width times value width of a head from which on a decay scan goes through products of all chunks at a time. */
  tiledScanFrom: 2 ** 16,
  /** The most tokens of a chunk of those. */
  tiledScanChunk: 256,
};
