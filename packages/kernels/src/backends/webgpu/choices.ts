import type { ShapeName } from '../../operations/matmul/webgpu/matrix-shapes';

/**
 * Which of several ways the kernels of a GPU go, where each computes the same: what was fastest where it was measured. Tests set it to reach every way with
 * small sizes, `bench/gpu` to time them beside each other.
 */
export const gpuChoices = {
  /** Key width times value width of a head from which on a decay scan goes through products of all chunks at a time. */
  tiledScanFrom: 2 ** 16,
  /** The most tokens of a chunk of those. */
  tiledScanChunk: 256,
  /** Workgroups of a product that keep a large GPU busy: with fewer, the inner size is parted, or tiles are smaller. */
  enoughGroups: 176,
  /** Multiplications from which on both factors of a product on matrices of subgroups are rounded to float16 in a dispatch of their own. */
  narrowFrom: 2 ** 32,
  /** How tiles are shared where the factors were rounded before, and where they are rounded on their way to workgroup memory. */
  narrowShape: 'plain' as ShapeName,
  matrixShape: 'plain' as ShapeName,
  /** Whether the loops of tiles of 128 × 128 without such matrices are written out. */
  unrolledTiles: false,
};
