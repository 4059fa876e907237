import { distance, type Values } from '@densessm/testing';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { CheckResult, StoredTensor } from './types';

/**
 * How an error is measured: the worst value's in its own unit ('absolute'), that as a share of the reference's RMS or of the
 * value itself where that is larger ('relative'), or the RMS of all errors as a share of the reference's RMS ('relativeRms').
 */
export type Measure = 'absolute' | 'relative' | 'relativeRms';

/** Compares a tensor with stored values; where fewer sequences are stored than computed, the first ones. Frees the tensor. */
export async function compare(
  name: string,
  stored: StoredTensor | undefined,
  actual: Tensor,
  bound: number,
  measure: Measure = 'absolute',
): Promise<CheckResult> {
  const values = await actual.data();
  const shape = actual.shape;
  actual.dispose();
  const sameItem =
    stored !== undefined && shape.slice(1).join() === stored.shape.slice(1).join() && (stored.shape[0] ?? 1) <= (shape[0] ?? 1);
  if (!sameItem) return { name: `${name}: stored [${stored?.shape}], computed [${shape}]`, error: Infinity, bound };
  return compareValues(name, stored.values, values.subarray(0, stored.values.length), bound, measure);
}

export function compareValues(name: string, reference: Values, actual: Values, bound: number, measure: Measure = 'absolute'): CheckResult {
  const { worst, relativeRms, rms } = distance(reference, actual);
  const error = measure === 'absolute' ? worst : measure === 'relativeRms' ? relativeRms : worstShare(reference, actual, rms);
  return { name, error, bound };
}

/** max |error| / max(rms, |value|). Not finite where a value is not. */
function worstShare(reference: Values, actual: Values, rms: number): number {
  if (reference.length !== actual.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < reference.length; i++) {
    const [want, got] = [reference[i] as number, actual[i] as number];
    const share = want === got ? 0 : Math.abs(want - got) / Math.max(rms, Math.abs(want));
    if (!(share <= worst)) worst = Number.isNaN(share) ? Infinity : share;
  }
  return worst;
}

/** What expected.json keeps of a tensor instead of all its values. */
export interface Summary {
  shape: number[];
  l2: number;
  sum: number;
  absmax: number;
  /** Flat row-major places of the sampled values. */
  idx: number[];
  val: number[];
}

/** The largest error of: the sampled values, the norm and the largest value, each as a share of itself or the RMS, and the mean as a share of the RMS. */
export function compareSummary(name: string, summary: Summary, values: Values, bound: number): CheckResult {
  const size = values.length;
  const rms = summary.l2 / Math.sqrt(size);
  let [squares, sum, absmax] = [0, 0, 0];
  for (let i = 0; i < size; i++) {
    const value = values[i] as number;
    squares += value * value;
    sum += value;
    absmax = Math.max(absmax, Math.abs(value));
  }
  const reference = [...summary.val, summary.l2, summary.absmax, summary.sum / size];
  const actual = [...summary.idx.map((at) => values[at] as number), Math.sqrt(squares), absmax, sum / size];
  return { name, error: worstShare(reference, actual, rms), bound };
}
