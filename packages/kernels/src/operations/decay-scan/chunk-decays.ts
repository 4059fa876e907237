import type { Tensor } from '@tensorflow/tfjs-core';

/**
 * What one chunk of C tokens needs to know of the decay. Leading sizes are [B, H], or [1, H] where the decay is constant and
 * nothing starts anew.
 * With c the inclusive running sum of ln a, the decay from token j to token i is exp(c_i − c_j): the masks D of RetNet,
 * arXiv:2307.08621, eq. 5, and L of Mamba-2, arXiv:2405.21060, eq. 4. A difference of running sums would lose the small
 * exponents of neighbors beside a large c, so every sum runs over just the tokens between, as in Mamba-2's listing 1 (segsum).
 */
export type ChunkDecays = {
  /** Transposed: at [j, i] the decay from token j to a later or the same token i, 0 for an earlier one. [., H, C, C] */
  between: Tensor;
  /** From before the chunk to token i, exp(c_i). [., H, C, 1] */
  fromStart: Tensor;
  /** From token j to the last, exp(c_C − c_j). [., H, C, 1] */
  toEnd: Tensor;
  /** Across the chunk, exp(c_C). [., H, 1, 1] */
  whole: Tensor;
};
