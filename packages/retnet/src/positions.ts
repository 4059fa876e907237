/**
 * What depends on a token's position and nothing else: the rotation and decay of Sun et al. 2023, "Retentive Network",
 * arXiv:2307.08621, §2.1. Computed on the host in float64, from buffers that the references store as float32.
 * Letters in shapes: H heads, T time, K key width per head.
 */
import { decayScan } from '@densessm/kernels';
import {
  mul,
  ones,
  rsqrt,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tensor,
  tensor1d,
  tensor3d,
  tidy,
} from '@tensorflow/tfjs-core';
import type { HeadSizes } from './head-sizes';

/** The constants that the T tokens from a position on need; the same for every layer. */
export interface Positions {
  /** cos of each pair's angle. [T, 1, K] */
  readonly cos: Tensor3D;
  /** sin of each pair's angle, negative for the first of a pair. [T, 1, K] */
  readonly sin: Tensor3D;
  /** 1 / √scale. [T, H, 1], or [B, T, H, 1] where texts do not all start at one token. */
  readonly inverseRootScale: Tensor3D | Tensor4D;
  /** ln γ. [H] */
  readonly logDecay: Tensor1D;
  /** 1 at tokens before which the state starts anew, else 0, [B, T]; left out where it never does. */
  readonly documentStarts?: Tensor2D;
}

/** θ_i = 10000^(−i/(K/2 − 1)), the angle of pair i from one token to the next, twice each: the reference's float32 buffer. [K] */
export function rotationAngles(keyWidth: number): Float32Array {
  const pairs = keyWidth / 2;
  const step = pairs > 1 ? Math.fround(1 / (pairs - 1)) : 0;
  return Float32Array.from({ length: keyWidth }, (_, k) => {
    const i = Math.floor(k / 2);
    // torch.linspace(0, 1, pairs) in float32 counts from both ends
    const exponent = i < pairs / 2 ? Math.fround(i * step) : Math.fround(1 - Math.fround((pairs - 1 - i) * step));
    return 1 / Math.fround(10000 ** exponent);
  });
}

/** ln γ_h with γ_h = 1 − 2^(−5−h), eq. 8: the reference's float32 buffer. [H] */
export const decayLogarithms = (heads: number): Float32Array =>
  Float32Array.from({ length: heads }, (_, h) => Math.log(Math.fround(1 - 2 ** (-5 - h))));

/**
 * Σ_{j<count} γ_h^j for every head: by its root the output is divided after `count` tokens. The references carry it in
 * their recurrent state, and the row sums of their parallel mask are the same numbers. [H]
 */
export const retentionScale = (heads: number, count: number): number[] =>
  Array.from(decayLogarithms(heads), (ln) => geometricSum(ln, count));

/** Σ_{j<count} exp(ln · j) = (1 − γ^count) / (1 − γ). */
const geometricSum = (ln: number, count: number): number => (ln === 0 ? count : Math.expm1(ln * count) / Math.expm1(ln));

/** Positions whose rotations are those of their first one, turned on by their place, since products take less time than cosines and sines. */
const BLOCK = 64;

/** Cosines and sines of the angles of `length` positions: each depends on its position alone, whichever is the first. [length, K] both */
function rotationsFrom(start: number, length: number, width: number): Record<'cos' | 'sin', Float32Array> {
  const angles = Float64Array.from(rotationAngles(width).filter((_, k) => k % 2 === 0));
  const turned = (positions: number) => ({
    cos: angles.map((angle) => Math.cos(angle * positions)),
    sin: angles.map((angle) => Math.sin(angle * positions)),
  });
  const [cos, sin] = [new Float32Array(length * width), new Float32Array(length * width)];
  const within = new Map<number, ReturnType<typeof turned>>();
  let first = turned(start - (start % BLOCK));
  for (let t = 0; t < length; t++) {
    const place = (start + t) % BLOCK;
    if (place === 0) first = turned(start + t);
    const on = within.get(place) ?? turned(place);
    within.set(place, on);
    for (let pair = 0; pair < angles.length; pair++) {
      const [a, b] = [first.cos[pair] as number, first.sin[pair] as number];
      const [c, d] = [on.cos[pair] as number, on.sin[pair] as number];
      const at = t * width + 2 * pair;
      cos[at] = a * c - b * d;
      cos[at + 1] = a * c - b * d;
      sin[at] = -(b * c + a * d);
      sin[at + 1] = b * c + a * d;
    }
  }
  return { cos, sin };
}

/** The constants for `length` tokens of which the first has `start` tokens before it. */
export function positionsFrom(start: number, length: number, { numHeads, keyDim }: HeadSizes): Positions {
  const width = keyDim / numHeads;
  const decay = decayLogarithms(numHeads);
  const { cos, sin } = rotationsFrom(start, length, width);
  const inverseRootScale = new Float32Array(length * numHeads);
  for (let t = 0; t < length; t++)
    for (const [h, ln] of decay.entries()) inverseRootScale[t * numHeads + h] = 1 / Math.sqrt(geometricSum(ln, start + t + 1));
  return {
    cos: tensor3d(cos, [length, 1, width]),
    sin: tensor3d(sin, [length, 1, width]),
    inverseRootScale: tensor3d(inverseRootScale, [length, numHeads, 1]),
    logDecay: tensor1d(decay),
  };
}

/**
 * The same for texts that start at tokens of their own. Rotations need no change, since only the distance of two tokens counts; the
 * scale does: scale_t = γ scale_(t−1) + 1, or 1 at a start, which is the retention of ones. `scale` [B, H, 1, 1] is the one after the
 * tokens before these, the result's the one after them.
 */
export function restartedAt(
  positions: Positions,
  documentStarts: Tensor2D | undefined,
  scale: Tensor4D,
): { positions: Positions; scale: Tensor4D } {
  const [batch, heads, length] = [scale.shape[0], scale.shape[1], positions.cos.shape[0]];
  const one: Tensor4D = ones([batch, length, heads, 1]);
  const [scales, last] = decayScan({ q: one, k: one, v: one, logDecay: positions.logDecay, s0: scale, documentStarts });
  return { positions: { ...positions, documentStarts, inverseRootScale: rsqrt(scales) }, scale: last };
}

/** The scale of `batch` texts after `count` tokens, [B, H, 1, 1]. */
export const scaleTensor = (batch: number, heads: number, count: number): Tensor4D =>
  tidy(() => mul(ones([batch, 1, 1, 1]), tensor(retentionScale(heads, count), [1, heads, 1, 1])));
