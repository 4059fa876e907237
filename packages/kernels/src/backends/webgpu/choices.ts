/**
 * Which of several ways the kernels of a GPU go, where each computes the same: what was fastest where it was measured. Tests set it to reach every way with
 * small sizes, `bench/gpu` to time them beside each other.
 */
export const gpuChoices = {
  /** Key width times value width of a head from which on a decay scan goes through products of all chunks at a time. */
  tiledScanFrom: 2 ** 13,
  /** The most tokens of a chunk of those; undefined: by the widths. */
  tiledScanChunk: undefined as number | undefined,
  /** Large tiles of a product that a large GPU computes at a time: with fewer, the inner size is parted, or tiles are smaller. */
  tilesAtATime: 132,
  /** Multiplications from which on both factors of a product on matrices of subgroups are rounded to float16 in a dispatch of their own. */
  narrowFrom: 2 ** 32,
  /** Bytes that recordings of prompts may take, or as many as the weights: 2,048 tokens of a dense model of 130 million weights need 1.7e9. */
  promptBytes: 2 ** 31,
};
