/**
 * What happens inside a model while it reads a text, as compact arrays: for pictures, before or without the model itself.
 * Letters in shapes: T tokens, N channels of a layer's state, K candidates, W width of a gate. Arrays are row-major.
 */

/** One dense gate on every token. */
export interface GateTrace {
  /** Which of the layer's states passes it: 'state', 'B', 'u' (Mamba), 'k', 'v' (retention). */
  readonly name: string;
  /** W, or n · W where each of n sources has a gate of its own, nearest first. */
  readonly width: number;
  /** SiLU(gate), [T, width]: 0 is closed. */
  readonly values: Float32Array;
  /** Mean over the width of |value|, [T]. */
  readonly strength: Float32Array;
}

/** One layer. */
export interface LayerTrace {
  readonly layer: number;
  /** The layers below that it reads through its gates, oldest first. */
  readonly sources: readonly number[];
  /** ‖h_t‖, the Frobenius norm of the state after each token, [T]. Empty where it was not asked for. */
  readonly stateNorm: Float32Array;
  /** Of the state after each token, the part that was there before: ‖decayed h_{t−1}‖ / (‖decayed h_{t−1}‖ + ‖what t wrote‖), [T], from 0 to 1. */
  readonly kept: Float32Array;
  /**
   * Tokens until a channel has forgotten half of what it holds, [N]: ln 2 / its mean decay in nats per token on this text. A channel of Mamba is one
   * (channel, state) pair, of Mamba-2 and retention a head. Infinite where nothing is forgotten.
   */
  readonly halfLife: Float32Array;
  readonly gates: readonly GateTrace[];
  /**
   * Hidden attention, [T, T], lower triangle: the share of |influence| that token s (column) has on what the layer's state gives out at token t (row).
   * Rows sum to 1. Mamba: Ali et al. 2024, arXiv:2403.01590, eq. 11; Mamba-2: arXiv:2405.21060, eq. 16; retention: arXiv:2307.08621, eq. 5; absolute
   * values, mean over channels or heads.
   */
  readonly attention: Float32Array;
  /** The next-token candidates if the text ended its way up at this layer (logit lens: last norm and head on the layer's output), likeliest first. */
  readonly lens: { /** [T, K] */ readonly ids: Int32Array /** Log-probabilities in nats, [T, K]. */; readonly logprobs: Float32Array };
  /** −ln p of the token that follows in the text, by the logit lens at this layer, [T]; NaN at the last. */
  readonly lensSurprise: Float32Array;
}

export interface Trace {
  readonly modelType: string;
  /** [T] */
  readonly tokens: Int32Array;
  /** Whether the dense gates were closed. */
  readonly gatesClosed: boolean;
  /** −ln p of each token given those before it, in nats, [T]; NaN for the first. */
  readonly surprise: Float32Array;
  /** K of every lens. */
  readonly lensSize: number;
  readonly layers: readonly LayerTrace[];
}
