/** Neighbors on either side that a smoothed curve takes in: a hundredth of the run, at most 100. */
export const smoothingRadius = (steps: number): number => Math.min(100, Math.round(steps / 100));

/**
 * The mean of the middle half of a value and its neighbors, for the values at some indices: it neither lags behind nor follows a single spike.
 * Near the start fewer neighbors count, as many on either side, so that a steep descent begins where it began; at the end those that there
 * are. What is not finite does not count; NaN where nothing is finite.
 */
export const smooth = (values: readonly number[], radius: number, indices: readonly number[] = [...values.keys()]): number[] =>
  indices.map((i) => {
    const reach = Math.min(radius, i);
    const near = Float64Array.from(values.slice(i - reach, i + reach + 1).filter(Number.isFinite)).sort();
    const quarter = Math.floor(near.length / 4);
    const middle = near.subarray(quarter, near.length - quarter);
    return middle.reduce((sum, value) => sum + value, 0) / middle.length;
  });
