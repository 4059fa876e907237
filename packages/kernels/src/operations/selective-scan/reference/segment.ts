import { add, clone, dispose, exp, mul, type Tensor, type Tensor3D, tidy } from '@tensorflow/tfjs-core';
import { matMul } from '../../matmul/kernel';
import { type Segment, type SegmentInputs, tokensOf } from './layout';
import { chunkStarts, type Recurrence, runChunks } from './recurrence';

/** The states of one segment as a {@link Recurrence}, with a_t at every position and the product of each chunk's. */
export interface SegmentRecurrence extends Recurrence {
  readonly decay: readonly Tensor[];
  readonly total: Tensor;
}

/** h_t = a_t h_(t−1) + B_t (delta_t u_t) with a_t = exp(delta_t A), or 0 at a start: Mamba, arXiv:2312.00752, eq. 2a. A is [M, N, W]. */
export function segmentRecurrence({ delta, drive, B, kept }: SegmentInputs, A: Tensor3D): SegmentRecurrence {
  const decay = delta.map((one, i) =>
    tidy(() => {
      const decayed = exp(mul(one, A));
      return kept ? mul(decayed, kept[i] as Tensor) : decayed;
    }),
  );
  return {
    decay,
    total: productOf(decay),
    positions: Array.from(decay.keys()),
    advance: (i, h) => add(mul(decay[i] as Tensor, h), mul(drive[i] as Tensor, B[i] as Tensor)),
  };
}

/** The outputs C_t h_t [B, S, E] of a segment and the state after it, given the state [1, M, N, W] before it. */
export function scanSegment(steps: SegmentInputs, segment: Segment, A: Tensor3D, first: Tensor, batch: number): [y: Tensor3D, end: Tensor] {
  return tidy(() => {
    const recurrence = segmentRecurrence(steps, A);
    const [documentStarts, end] = chunkStarts(recurrence, recurrence.total, first);
    const y: Tensor[] = [];
    runChunks(recurrence, documentStarts, (i, h) => y.push(readOut(steps.C[i] as Tensor, h)));
    return [tokensOf(y, segment, batch), end];
  });
}

/** Σ_n c_n x_n: c [K, M, N, 1], x [K, M, N, W] → [K, M, 1, W]. */
export const readOut = (c: Tensor, x: Tensor): Tensor => matMul({ a: c, b: x }, { transposeA: true });

/** The product of tensors of one shape, with one intermediate at a time. */
function productOf(factors: readonly Tensor[]): Tensor {
  const [first, ...others] = factors as [Tensor, ...Tensor[]];
  return others.reduce((product, factor) => {
    const next = mul(product, factor);
    dispose(product);
    return next;
  }, clone(first));
}
