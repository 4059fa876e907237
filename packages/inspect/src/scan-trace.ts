import type { LayerTrace } from './trace';

/** A tensor's numbers on the host. */
export interface HostReading {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** What a layer's scan shows. */
export type ScanTrace = Pick<LayerTrace, 'stateNorm' | 'kept' | 'halfLife' | 'attention'>;

/** Of what is there after a token, the share that was there before; 0 where there is nothing. */
export const shareKept = (before: number, written: number): number => (before + written > 0 ? before / (before + written) : 0);

/** Makes the rows of a [T, T] lower triangle sum to 1; a row of zeros stays. */
export function normalizeRows(triangle: Float32Array, length: number): Float32Array {
  for (let t = 0; t < length; t++) {
    const row = triangle.subarray(t * length, t * length + t + 1);
    const sum = row.reduce((total, value) => total + value, 0);
    if (sum > 0) for (let s = 0; s <= t; s++) row[s] = (row[s] as number) / sum;
  }
  return triangle;
}
