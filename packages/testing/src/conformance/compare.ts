import type { Tensor } from '@tensorflow/tfjs-core';
import { distance, type Values } from '../expect-close';
import type { CheckResult, StoredTensor } from './types';

/** How an error is measured: the worst value's in its own unit or as a share of the reference's RMS, or the RMS of all errors as such a share. */
export type Measure = 'absolute' | 'relative' | 'relativeRms';

const FIELDS = { absolute: 'worst', relative: 'relative', relativeRms: 'relativeRms' } as const;

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
  return { name, error: distance(reference, actual)[FIELDS[measure]], bound };
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

/** The largest of: sampled values' error, norm's error and largest value's error, as a share of the RMS; the sum's error by its own noise. */
export function compareSummary(name: string, summary: Summary, values: Values, bound: number): CheckResult {
  const size = values.length;
  const rms = summary.l2 / Math.sqrt(size);
  const samples = distance(
    summary.val,
    summary.idx.map((at) => values[at] as number),
  );
  let [squares, sum, absmax] = [0, 0, 0];
  for (let i = 0; i < size; i++) {
    const value = values[i] as number;
    squares += value * value;
    sum += value;
    absmax = Math.max(absmax, Math.abs(value));
  }
  const norm = Math.abs(Math.sqrt(squares) - summary.l2) / Math.sqrt(size);
  const total = Math.abs(sum - summary.sum) / size; // a sum of n errors of one size is at most n times that size
  const error = Math.max(samples.worst, norm, Math.abs(absmax - summary.absmax), total) / rms;
  return { name, error: rms === 0 ? samples.worst : error, bound };
}
