/** What single-token steps are given; addresses on the heap, for `batch` texts. */
import type { PackedLinear, PackedProductOptions } from '../backends/wasm/packed/packed-linear';

/** y = x wᵀ, see {@link PackedLinear.run}. */
export interface PackedProduct extends PackedProductOptions {
  matrix: PackedLinear;
  x: number;
  y: number;
}

/** What a token passes in a layer of Mamba between its products. */
export interface SelectiveStep {
  /** [B, E] */
  u: number;
  /** Before its softplus, [B, E]. */
  delta: number;
  /** In units of ln 2, so that decays are powers of 2, and not above 0: [E, N]. */
  A: number;
  /** B and C side by side, rows [2 N], `bcStride` floats apart. */
  bc: number;
  bcStride: number;
  /** [E] */
  D: number;
  /** Replaced, [B, E, N]. */
  h: number;
  /** Rows [E], `zStride` floats apart. */
  z: number;
  zStride: number;
  /** Addresses of the states that are read densely, as 32-bit words; and how many. */
  sources: number;
  sourceCount: number;
  /** Gate of the sources before its SiLU, [B, E]; 0 for none. */
  gate: number;
  /** [B, E] */
  y: number;
  batch: number;
  channels: number;
  stateSize: number;
}

/** S = a S + s kᵀ v; o = q S + SiLU(gate) ⊙ Σ_i q S_i + skip v, for each head. */
export interface DecayStep {
  /** [B, G, K], rows `stride` floats apart; the heads of a group share them. */
  q: number;
  k: number;
  stride: number;
  /** [B, H, V], rows `vStride` floats apart. */
  v: number;
  vStride: number;
  /** a and s, [B, H]; s is 1 where it is left out. */
  decay: number;
  scale?: number;
  /** [H] */
  skip?: number;
  /** S, replaced, [B, H, K, V]. */
  state: number;
  /** Addresses of the states S_i that are read densely, as 32-bit words; and how many. */
  sources?: number;
  sourceCount?: number;
  /** [B, H, V]; 0 for none. */
  gate?: number;
  /** [B, H, V] */
  o: number;
  batch: number;
  heads: number;
  groups: number;
  keys: number;
  values: number;
}

/** Of Mamba-2: one for each head. */
export interface TimeSteps {
  /** [B, H], rows `stride` floats apart. */
  x: number;
  stride: number;
  /** [H], A in units of ln 2. */
  bias: number;
  A: number;
  limits: readonly [low: number, high: number];
  delta: number;
  decay: number;
  batch: number;
  heads: number;
}

export interface NormOptions {
  /** As x: silu(gate) multiplies the result, or x ahead of the norm where `inside`. */
  gate?: number;
  inside?: boolean;
  /** Values of a row that are normed together; all unless given. */
  size?: number;
}

export interface ConvolutionSizes {
  stride: number;
  batch: number;
  channels: number;
  width: number;
}
