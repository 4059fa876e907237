import type { Tensor } from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

export type Values = ArrayLike<number>;

/** How far `actual` is from `reference`. */
export interface Distance {
  /** The worst absolute difference. */
  worst: number;
  /** RMS of all differences as a share of the reference's RMS: ‖difference‖ / ‖reference‖. */
  relativeRms: number;
  /** RMS of the reference. */
  rms: number;
  /** Index of the worst value. */
  at: number;
}

/** Compares values one by one. A value that is not finite where the other is, or differs in sign of infinity, is infinitely far. */
export function distance(reference: Values, actual: Values): Distance {
  if (reference.length !== actual.length) return { worst: Infinity, relativeRms: Infinity, rms: Number.NaN, at: -1 };
  let worst = 0;
  let at = 0;
  let squares = 0;
  let squaredErrors = 0;
  for (let i = 0; i < reference.length; i++) {
    const want = reference[i] as number;
    const got = actual[i] as number;
    const apart = Object.is(want, got) ? 0 : Math.abs(want - got);
    squares += want * want;
    squaredErrors += apart * apart;
    if (!(apart <= worst)) {
      worst = Number.isNaN(apart) ? Infinity : apart;
      at = i;
      if (worst === Infinity) break;
    }
  }
  const rms = Math.sqrt(squares / Math.max(1, reference.length));
  if (worst === 0 || worst === Infinity) return { worst, relativeRms: worst, rms, at };
  return { worst, relativeRms: Math.sqrt(squaredErrors / squares), rms, at };
}

const valuesOf = async (values: Values | Tensor): Promise<Values> => ('dataId' in values ? await values.data() : values);

/**
 * Fails unless every value of `actual` is within `tolerance` times the RMS of `reference`. Anything not finite fails.
 * `floor` is an RMS below which the tolerance is absolute: for gradients that are zero in exact arithmetic.
 */
export async function expectClose(
  name: string,
  reference: Values | Tensor,
  actual: Values | Tensor,
  tolerance: number,
  floor = 0,
): Promise<void> {
  if ('dataId' in reference && 'dataId' in actual) expect(actual.shape, `${name}: shape`).toEqual(reference.shape);
  const [want, got] = [await valuesOf(reference), await valuesOf(actual)];
  expect(got.length, `${name}: number of values`).toBe(want.length);
  expect(Array.from(want).every(Number.isFinite), `${name}: the reference is finite`).toBe(true);
  const { worst, rms, at } = distance(want, got);
  const bound = tolerance * Math.max(rms, floor);
  expect(worst, `${name}: worst error ${worst} at ${at} (want ${want[at]}, got ${got[at]}), bound ${bound}`).toBeLessThanOrEqual(bound);
}
