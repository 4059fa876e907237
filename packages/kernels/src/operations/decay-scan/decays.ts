import {
  add,
  cast,
  exp,
  greater,
  greaterEqual,
  mul,
  range,
  reshape,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  tidy,
} from '@tensorflow/tfjs-core';
import { cumsum } from '../cumsum/kernel';
import type { ChunkDecays } from './chunk-decays';
import { endedAtStarts } from './document-starts';
import { type DecayScanInputs, logDecayOf, type Span } from './inputs';

/** Gradients of the exponents of {@link ChunkDecays}, shaped as they are but with the whole batch. */
export type ExponentGradients = ChunkDecays;

/** Decays of any span of a call; those of a constant rate are computed once for each length. Call it inside a tidy. */
export function decaysBySpan({ logDecay, documentStarts }: DecayScanInputs, spans: readonly Span[]): (span: Span) => ChunkDecays {
  const decaysAt = decaysOf(logDecay, spans);
  return documentStarts ? (span) => endedAtStarts(decaysAt(span), documentStarts, span) : decaysAt;
}

function decaysOf(logDecay: DecayScanInputs['logDecay'], spans: readonly Span[]): (span: Span) => ChunkDecays {
  const perToken = (span: Span) => chunkDecays(exponentsOfTokens(logDecayOf(logDecay, span)));
  if (logDecay.rank !== 1) return perToken;
  const rates = logDecayOf(logDecay, { start: 0, length: 1 });
  const lengths = new Set(spans.map((span) => span.length));
  const known = new Map([...lengths].map((length) => [length, chunkDecays(exponentsOfRate(rates, length))]));
  return ({ length }) => known.get(length) as ChunkDecays;
}

function chunkDecays({ between, fromStart, toEnd, whole }: ChunkDecays): ChunkDecays {
  const C = between.shape.at(-1) as number;
  return tidy(() => ({
    // the exponents of earlier tokens are zero already: nothing overflows
    between: mul(exp(between), atLeast(C, 0)),
    fromStart: exp(fromStart),
    toEnd: exp(toEnd),
    whole: exp(whole),
  }));
}

/** At [j, i] i − j. */
const lag = (C: number): Tensor2D => sub(reshape(range(0, C), [1, C]), reshape(range(0, C), [C, 1]));
/** At [j, i] 1 where i − j ≥ least, which is 0 or 1; else 0. */
const atLeast = (C: number, least: 0 | 1): Tensor => cast((least ? greater : greaterEqual)(lag(C), 0), 'float32');

/** Σ ln a over the tokens that each decay crosses; logDecay [B, H, C]. */
function exponentsOfTokens(logDecay: Tensor3D): ChunkDecays {
  const [batch, H, C] = logDecay.shape;
  const crossed = mul(reshape(logDecay, [batch, H, 1, C]), atLeast(C, 1)); // at [j, t] ln a_t for t > j
  return {
    between: cumsum({ x: crossed }),
    fromStart: reshape(cumsum({ x: logDecay }), [batch, H, C, 1]),
    toEnd: reshape(cumsum({ x: logDecay }, { exclusive: true, reverse: true }), [batch, H, C, 1]),
    whole: reshape(sum(logDecay, -1), [batch, H, 1, 1]),
  };
}

/** The gradient of ln a [B, H, C] from those of the exponents: ln a_t counts wherever a decay crosses token t. */
export function gradientOfTokens({ between, fromStart, toEnd, whole }: ExponentGradients): Tensor3D {
  return tidy(() => {
    const [batch, H, C] = between.shape as [number, number, number, number];
    const flat = (x: Tensor): Tensor3D => reshape(x, [batch, H, -1]);
    const crossing = sum(mul(cumsum({ x: between }, { reverse: true }), atLeast(C, 1)), -2); // Σ_(j<t) Σ_(i≥t)
    const later = cumsum({ x: flat(fromStart) }, { reverse: true });
    const earlier = cumsum({ x: flat(toEnd) }, { exclusive: true });
    return add(add(crossing, later), add(earlier, flat(whole)));
  });
}

/** (i − j) ln a and so on; rates [1, H, 1]. */
function exponentsOfRate(rates: Tensor3D, C: number): ChunkDecays {
  const rate = reshape(rates, [1, -1, 1, 1]);
  const crossed = crossedBy(C);
  return {
    between: mul(rate, crossed.between),
    fromStart: mul(rate, crossed.fromStart),
    toEnd: mul(rate, crossed.toEnd),
    whole: mul(rate, C),
  };
}

/** How many tokens each decay crosses. */
const crossedBy = (C: number) => ({
  between: mul(lag(C), atLeast(C, 0)),
  fromStart: reshape(range(1, C + 1), [C, 1]),
  toEnd: reshape(range(C - 1, -1), [C, 1]),
});

/** The gradient of a constant ln a [H] from those of the exponents. */
export function gradientOfRate({ between, fromStart, toEnd, whole }: ExponentGradients): Tensor {
  return tidy(() => {
    const C = between.shape.at(-1) as number;
    const crossed = crossedBy(C);
    const perHead = (x: Tensor) => sum(x, [0, 2, 3]);
    const inside = add(perHead(mul(between, crossed.between)), perHead(mul(fromStart, crossed.fromStart)));
    return add(inside, add(perHead(mul(toEnd, crossed.toEnd)), mul(perHead(whole), C)));
  });
}
