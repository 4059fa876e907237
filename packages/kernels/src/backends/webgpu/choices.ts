/**
 * Which of several ways the kernels of a GPU go, where each computes the same: what was fastest where it was measured. Tests set it to reach every way with
 * small sizes, `bench/gpu` to time them beside each other.
 */
export const gpuChoices = {
  /** Key width times value width of a head from which on a decay scan goes through products of all chunks at a time. */
  tiledScanFrom: 2 ** 13,
  /** The most tokens of a chunk of those; undefined: by the widths. */
  tiledScanChunk: undefined as number | undefined,
  /** Workgroups of a product that keep a large GPU busy: with fewer, the inner size is parted, or tiles are smaller. */
  enoughGroups: 176,
  /** The shape of tiles of large products in float32. */
  tileShape: 'square' as 'square' | 'woven' | 'twice' | 'shallow' | 'narrow' | 'tall',
  /** Multiplications from which on both factors of a product on matrices of subgroups are rounded to float16 in a dispatch of their own. */
  narrowFrom: 2 ** 32,
  /** Whether what was rounded is kept for further products of the same tensor, until it goes or the step ends. */
  keepsNarrow: false,
};
