import { add, cast, mul, relu, reshape, slice, sub, type Tensor, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { cumsum } from '../cumsum/kernel';
import type { ChunkDecays } from './chunk-decays';
import type { Span } from './inputs';

/** The starts of a span, [B, C]. */
const startsOf = (documentStarts: Tensor2D, { start, length }: Span): Tensor2D => {
  const batch = documentStarts.shape[0];
  return cast(slice(documentStarts, [0, start], [batch, length]), 'float32');
};

/** The decays of a span in which the state starts anew: those that cross a start are zero. */
export function endedAtStarts({ between, fromStart, toEnd, whole }: ChunkDecays, documentStarts: Tensor2D, span: Span): ChunkDecays {
  return tidy(() => {
    const [batch, C] = [documentStarts.shape[0], span.length];
    const counts = cumsum({ x: startsOf(documentStarts, span) });
    const last = slice(counts, [0, C - 1], [batch, 1]);
    // 1 where as many starts are behind a later token as behind an earlier one, 0 where more are; comparisons are slow on wasm
    const same = (earlier: Tensor | number, later: Tensor) => relu(sub(add(earlier, 1), later));
    return {
      // from later to earlier tokens `between` is zero already
      between: mul(between, same(reshape(counts, [batch, 1, C, 1]), reshape(counts, [batch, 1, 1, C]))),
      fromStart: mul(fromStart, reshape(same(0, counts), [batch, 1, C, 1])),
      toEnd: mul(toEnd, reshape(same(counts, last), [batch, 1, C, 1])),
      whole: mul(whole, reshape(same(0, last), [batch, 1, 1, 1])),
    };
  });
}

/** The decay [., H, 1, 1] into a span of one token, zero where it is a start. */
export const decayInto = (decay: Tensor, documentStarts: Tensor2D, span: Span): Tensor =>
  mul(decay, sub(1, reshape(startsOf(documentStarts, span), [-1, 1, 1, 1])));
