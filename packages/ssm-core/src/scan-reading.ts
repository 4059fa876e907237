import type { Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs-core';

/**
 * What a layer's scan reads of a text, after any fusion: all that its own state is made of and read with.
 * Letters in shapes: B batch, T time, E channels, N state size, H heads, K and V widths of a head.
 */
export type ScanReading = SelectiveReading | DecayReading;

/** h_t = exp(Δ_t A) h_{t−1} + Δ_t B_t u_t, y_t = C_t h_t, for every channel: Mamba. */
export interface SelectiveReading {
  readonly kind: 'selective';
  /** [B, T, E] */
  readonly u: Tensor3D;
  /** Δ, [B, T, E] */
  readonly delta: Tensor3D;
  /** Negative, [E, N] */
  readonly A: Tensor2D;
  /** [B, T, N] */
  readonly B: Tensor3D;
  /** [B, T, N] */
  readonly C: Tensor3D;
}

/** S_t = exp(logDecay_t) S_{t−1} + k_tᵀ v_t, o_t = q_t S_t, for every head: Mamba-2 and retention. */
export interface DecayReading {
  readonly kind: 'decay';
  /** [B, T, H, K] */
  readonly q: Tensor4D;
  /** [B, T, H, K] */
  readonly k: Tensor4D;
  /** [B, T, H, V] */
  readonly v: Tensor4D;
  /** [H], or [B, T, H] where it depends on the token. */
  readonly logDecay: Tensor1D | Tensor3D;
}
