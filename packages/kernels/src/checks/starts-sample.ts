import type { SampleInput } from './kernel-check';

/** Starts before the given tokens of every row but the first, so that rows differ. [B, T], int32 */
export const startsSample = (batch: number, length: number, places: readonly number[]): SampleInput & { dtype: 'int32' } => ({
  shape: [batch, length],
  dtype: 'int32',
  value: (i) => Number(i >= length && places.includes(i % length)),
});
