import { add, mul, type Tensor, type Tensor4D } from '@tensorflow/tfjs-core';
import { matMul } from '../../matmul/kernel';
import type { ChunkDecays } from '../chunk-decays';
import { type DecayScanInputs, headsOf, type Span } from '../inputs';

/** The tokens of one chunk, heads in front: q, k [B, H, C, K], v [B, H, C, V]. */
export interface Chunk {
  readonly q: Tensor4D;
  readonly k: Tensor4D;
  readonly v: Tensor4D;
}

export const chunkAt = ({ q, k, v }: DecayScanInputs, span: Span): Chunk => ({
  q: headsOf(q, span),
  k: headsOf(k, span),
  v: headsOf(v, span),
});

/**
 * One chunk: RetNet, arXiv:2307.08621, eq. 7 with a decay of any kind; Mamba-2, arXiv:2405.21060, §6.
 *   o = (Q Kᵀ ⊙ M) V + exp(c) Q S,   M_ij = exp(c_i − c_j) for i ≥ j, else 0.
 * S [B, H, K, V] is the state before the chunk; none is zero. Everything between tokens is kept transposed, [j, i], as its decays are.
 */
export function chunkOutput({ q, k, v }: Chunk, { between, fromStart }: ChunkDecays, state: Tensor | undefined): Tensor {
  const weights = mul(matMul({ a: k, b: q }, { transposeB: true }), between); // (Q Kᵀ ⊙ M)ᵀ
  const inside = matMul({ a: weights, b: v }, { transposeA: true });
  return state ? add(inside, mul(fromStart, matMul({ a: q, b: state }))) : inside;
}

/** The state after the chunk, same sources: S' = exp(c_C) S + (K ⊙ exp(c_C − c))ᵀ V. */
export function chunkState({ k, v }: Chunk, { toEnd, whole }: ChunkDecays, state: Tensor | undefined): Tensor {
  const gained = matMul({ a: mul(k, toEnd), b: v }, { transposeA: true });
  return state ? add(mul(whole, state), gained) : gained;
}

/** A chunk of one token, the recurrent form: S' = a S + kᵀ v, o = q S'. RetNet, eq. 6. decay is [., H, 1, 1]. */
export function oneToken({ q, k, v }: Chunk, decay: Tensor, state: Tensor | undefined): [output: Tensor, state: Tensor] {
  const gained = matMul({ a: k, b: v }, { transposeA: true });
  const next = state ? add(mul(decay, state), gained) : gained;
  return [matMul({ a: q, b: next }), next];
}
