/** Statistics of the gates of dense connections. */
import { disposeTree, type SequenceModel, type TokenIds } from '@densessm/ssm-core';
import type { GateStatistics, Histogram } from './record';
import { NEAR_ZERO } from './record';

const BINS = 30;

/** Statistics of some values, computed in float64. Of none at all, and where one is not finite, mean and spread are NaN. */
export function summarizeGate(values: ArrayLike<number>): Omit<GateStatistics, 'layer' | 'name'> {
  const count = values.length;
  let [sum, min, max, near] = [0, Infinity, -Infinity, 0];
  for (let i = 0; i < count; i++) {
    const value = values[i] as number;
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
    if (Math.abs(value) < NEAR_ZERO) near++;
  }
  const mean = sum / count;
  let squares = 0; // around the mean, as a second pass: the difference of two large sums would lose the spread of a nearly constant gate
  for (let i = 0; i < count; i++) squares += ((values[i] as number) - mean) ** 2;
  const std = Math.sqrt(squares / count);
  const finite = Number.isFinite(squares);
  const absMax = finite ? Math.max(Math.abs(min), Math.abs(max)) : Number.NaN;
  const histogram = finite && count > 0 ? countInBins(values, min, max) : { min: Number.NaN, max: Number.NaN, counts: [] };
  return { mean, std, absMax, nearZero: near / count, histogram };
}

/** The greatest value belongs to the last bin; where all values are equal they fill the first. */
function countInBins(values: ArrayLike<number>, min: number, max: number): Histogram {
  const counts = new Array<number>(BINS).fill(0);
  const scale = max > min ? BINS / (max - min) : 0;
  for (let i = 0; i < values.length; i++) {
    const bin = Math.min(BINS - 1, Math.floor(((values[i] as number) - min) * scale));
    counts[bin] = (counts[bin] as number) + 1;
  }
  return { min, max, counts };
}

/**
 * Statistics of every gate of a model on some tokens; none where it has no dense connections. Leaves no tensor behind.
 * @throws SsmError TOKENS
 */
export async function gateStatistics<C, P, State>(
  model: SequenceModel<C, P, State>,
  params: P,
  config: C,
  tokens: TokenIds,
): Promise<GateStatistics[]> {
  const gates = model.gates?.(params, config, tokens) ?? [];
  try {
    const statistics: GateStatistics[] = [];
    for (const { layer, name, values } of gates) statistics.push({ layer, name, ...summarizeGate(await values.data()) });
    return statistics;
  } finally {
    disposeTree(gates);
  }
}
