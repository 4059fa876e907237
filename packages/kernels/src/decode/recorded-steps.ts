/**
 * What the steps of a {@link DecodeProgram} are given. Letters: B texts (the program's batch), E channels, N state size, H heads, G groups of
 * heads, K and V widths of keys and values per head, W width of a convolution. All sizes are those of one text; every slot that
 * a token changes holds the rows of all texts, one after the other, and a stride is in floats from one row to the next.
 */
import type { PackedMatrix } from '@densessm/ssm-core';
import type { Slot } from './slot';

/** y = the rows of `matrix` [vocab, width] that the ids of the submitted tokens name, [B, width]. */
export interface GatherStep {
  matrix: PackedMatrix;
  y: Slot;
}

/** Values that only the position in the text decides, written by the host. */
export interface UniformsStep {
  to: Slot;
  size: number;
  /**
   * Writes the values of the next token of the first `rows` texts into `values` [size], whose contents are otherwise undefined. Called once a token, in
   * the order of the tokens, and ahead of time for all of those that are submitted together: it may depend on nothing that steps compute.
   */
  next(values: Float32Array, rows: number): void;
  /** Remembers where in the text it is; what comes back takes it there again. */
  mark(): () => void;
}

/** x = factor x, [B, size]. */
export interface ScaleStep {
  x: Slot;
  factor: number;
  size: number;
}

/** y = x wᵀ + bias, x [B, width], y [B, out]. */
export interface ProductStep {
  matrix: PackedMatrix;
  x: Slot;
  y: Slot;
  /** [out], added to every row. */
  bias?: Slot;
  /** Whether y grows by the product. */
  add?: boolean;
  /** What y is of the product with its bias; not where it grows by it. */
  activation?: 'silu';
  /** Of x; its width unless given. */
  stride?: number;
}

/** y = weight x / √(mean(x²) + eps), x and y [B, width]; y may be x. */
export interface RmsNormStep {
  x: Slot;
  /** [width]; 1 where it is left out. */
  weight?: Slot;
  y: Slot;
  width: number;
  eps: number;
  /** Values that are normed together; `width` unless given, of which it is a divisor. */
  groupSize?: number;
  gate?: NormGate;
  /** Whether the products behind it are all that reads y: then they may norm x themselves, and y stays as it was. */
  isForProducts?: boolean;
}

/** SiLU(gate) multiplies what is normed, or x ahead of the norm where `inside`. */
export interface NormGate {
  /** Rows [width]. */
  x: Slot;
  /** `width` unless given. */
  stride?: number;
  inside?: boolean;
}

/** One token of the causal convolution: y = SiLU(bias + w ∗ x). */
export interface ConvolutionStep {
  /** Rows [E]. */
  x: Slot;
  stride: number;
  /** [E, W] */
  w: Slot;
  /** [E] */
  bias?: Slot;
  /** The last W − 1 inputs, newest last, replaced. [B, E, W−1] */
  tail: Slot;
  /** [B, E] */
  y: Slot;
  channels: number;
  width: number;
}

/** What a layer adds of others: SiLU(gate) ⊙ Σ of the sources; without a gate it is 1. */
export interface DenseRead {
  sources: readonly Slot[];
  /** Before its SiLU, of the size of what is added. */
  gate?: Slot;
}

/** h = exp(Δ A) h + Δ B u with Δ = softplus(delta); y = SiLU(z) ⊙ (C h + D u + SiLU(gate) ⊙ Σ_i C h_i): Mamba between its products. */
export interface SelectiveStep extends DenseRead {
  /** [B, E] */
  u: Slot;
  /** Before its softplus, [B, E]. */
  delta: Slot;
  /** In units of ln 2, so that decays are powers of 2, and not above 0: [E, N]. */
  A: Slot;
  /** B and C side by side, rows [2 N]. */
  bc: Slot;
  bcStride: number;
  /** [E] */
  D: Slot;
  /** Replaced, [B, E, N]; the sources are the same of other layers. */
  h: Slot;
  /** Rows [E]. */
  z: Slot;
  zStride: number;
  /** [B, E] */
  y: Slot;
  channels: number;
  stateSize: number;
}

/** S = a S + s kᵀ v; o = q S + SiLU(gate) ⊙ Σ_i q S_i + skip v, for each head. */
export interface DecayStep extends Partial<DenseRead> {
  /** [B, G, K]; the heads of a group share them. */
  q: Slot;
  k: Slot;
  /** Of q and k. */
  stride: number;
  /** [B, H, V] */
  v: Slot;
  vStride: number;
  /** a and s, [B, H]; s is 1 where it is left out. */
  decay: Slot;
  scale?: Slot;
  /** [H] */
  skip?: Slot;
  /** S, replaced, [B, H, K, V]; the sources are the same of other layers. */
  state: Slot;
  /** [B, H, V] */
  o: Slot;
  heads: number;
  groups: number;
  keys: number;
  values: number;
}

/** y = x σ(x), x rows [size], y [B, size]. */
export interface SiluStep {
  x: Slot;
  stride: number;
  y: Slot;
  size: number;
}

/** y = own + SiLU(gate) ⊙ Σ of the sources, all [B, size]. */
export interface DenseSumStep extends DenseRead {
  own: Slot;
  y: Slot;
  size: number;
}

/** Turns the pairs (a, b) of x [B, H, size] to scale (a cos − b sin, b cos + a sin); cos and sin [B, size/2], scale [B, H]. */
export interface RotateStep {
  x: Slot;
  cos: Slot;
  sin: Slot;
  scale: Slot;
  heads: number;
  size: number;
}

/** y = f(x) ⊙ gate, all [B, size]; y may be x. */
export interface GatedUnitStep {
  x: Slot;
  gate: Slot;
  y: Slot;
  size: number;
  activation: 'silu' | 'gelu' | 'relu';
}

/** Δ = softplus(x + bias) within the limits, and the decay e^(Δ A), both [B, H]: of Mamba-2. */
export interface TimeStepsStep {
  /** Rows [H]. */
  x: Slot;
  stride: number;
  /** [H]; A in units of ln 2. */
  bias: Slot;
  A: Slot;
  limits: readonly [low: number, high: number];
  delta: Slot;
  decay: Slot;
  heads: number;
}
