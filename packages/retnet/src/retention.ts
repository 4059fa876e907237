/**
 * Multi-scale retention: Sun et al. 2023, "Retentive Network", arXiv:2307.08621, §2.1 and §2.2.
 * Letters in shapes: B batch, H heads, T time, K key width per head, V value width per head.
 *
 * Eq. 5 (parallel), eq. 6 (recurrent) and eq. 7 (chunkwise) are one function, S_t = γ S_{t−1} + k_tᵀ v_t, o_t = q_t S_t, in
 * three schedules: `decayScan` with chunks of T, 1 or any number of tokens.
 * The published implementations divide o_t by √scale_t, scale_t = Σ_{j≤t} γ^j: in parallel mode by dividing the mask by the
 * root of its row sums, in recurrent mode inside the state. Here the state stays raw, and since scale_t follows from
 * the position q is divided in every form alike.
 * Departure: their parallel mode also divides each row by clamp(Σ|q_t·k_j|, 1, 5e4), their recurrent mode does not. The
 * norm behind retention undoes either but for its eps, so only a form without it can be the same function in all three.
 */
import { decayScan, rotatePairs } from '@densessm/kernels';
import type { DecayReading } from '@densessm/ssm-core';
import { mul, reshape, type Tensor3D, type Tensor4D, tidy } from '@tensorflow/tfjs-core';
import type { HeadSizes } from './head-sizes';
import type { Positions } from './positions';

export interface RetentionInputs {
  /** Rotated. [B, T, H, K] */
  q: Tensor4D;
  /** Rotated, and already times K^−½. [B, T, H, K] */
  k: Tensor4D;
  /** [B, T, H, V] */
  v: Tensor4D;
  positions: Positions;
  /** S before the first of these tokens, [B, H, K, V]; zero where left out. */
  state?: Tensor4D;
}

export interface RetentionOptions {
  /** Tokens per chunk: 1 is the recurrent form, T the parallel one, left out the kernel chooses. */
  chunkSize?: number;
}

/** The output before its norm, [B, T, H, V], and S after the last token, [B, H, K, V]. */
export type RetentionFn = (inputs: RetentionInputs, options: RetentionOptions) => [output: Tensor4D, state: Tensor4D];

/** o_t = q_t S_t / √scale_t, eq. 5 to 7. */
export const retention: RetentionFn = ({ q, k, v, positions, state }, { chunkSize }) =>
  tidy(() => {
    const attrs = chunkSize === undefined ? {} : { chunkSize };
    const { logDecay, documentStarts, inverseRootScale } = positions;
    const scaled = mul<Tensor4D>(q, inverseRootScale); // o is linear in q, and wider
    return decayScan({ q: scaled, k, v, logDecay, s0: state, documentStarts }, attrs);
  });

/** Parallel form, eq. 5: one chunk of all T tokens. For training on short texts. */
export const retentionParallel = (inputs: RetentionInputs): [output: Tensor4D, state: Tensor4D] =>
  retention(inputs, { chunkSize: inputs.q.shape[1] });

/** Recurrent form, eq. 6: token by token. For generating. */
export const retentionRecurrent = (inputs: RetentionInputs): [output: Tensor4D, state: Tensor4D] => retention(inputs, { chunkSize: 1 });

/** Chunkwise form, eq. 7: parallel inside chunks, recurrent between them. For long texts. */
export const retentionChunkwise = (inputs: RetentionInputs, chunkSize: number): [output: Tensor4D, state: Tensor4D] =>
  retention(inputs, { chunkSize });

/** Rotates pair i of token t by t θ_i: (a, b) → (a cos − b sin, b cos + a sin). x [B, T, H, K]. */
export const rotate = (x: Tensor4D, { cos, sin }: Positions): Tensor4D => rotatePairs({ x, cos, sin });

/** [B, T, heads · width] → [B, T, heads, width]. */
const splitHeads = (x: Tensor3D, heads: number): Tensor4D => reshape(x, [x.shape[0], x.shape[1], heads, -1]);

/** What the layers of one call share. */
export interface RetentionCall {
  readonly positions: Positions;
  readonly retain: RetentionFn;
  readonly options: RetentionOptions;
  /** Hears what the scan reads, where someone looks inside. */
  readonly onScan?: (reading: DecayReading) => void;
}

/** Cuts q, k [B, T, keyDim] and v [B, T, valueDim] into heads, rotates, retains. Result as {@link RetentionFn}. */
export function retainHeads(
  { q, k, v, state }: { q: Tensor3D; k: Tensor3D; v: Tensor3D; state?: Tensor4D },
  { numHeads }: HeadSizes,
  { positions, retain, options, onScan }: RetentionCall,
): [output: Tensor4D, state: Tensor4D] {
  const inputs = {
    q: rotate(splitHeads(q, numHeads), positions),
    k: rotate(splitHeads(k, numHeads), positions),
    v: splitHeads(v, numHeads),
    positions,
    state,
  };
  onScan?.({ kind: 'decay', q: inputs.q, k: inputs.k, v: inputs.v, logDecay: positions.logDecay });
  return retain(inputs, options);
}
