/** Rows of less than this share of the longest one's length do not join its batch: padding is read for nothing. */
const ALIKE = 0.75;

/**
 * Rows of similar length together, as indices into `lengths`: at most `most` in a batch, the longest batches first, so that what
 * does not fit in memory shows at once.
 */
export function batchesOf(lengths: readonly number[], most: number): number[][] {
  const batches: number[][] = [];
  const order = [...lengths.keys()].sort((a, b) => (lengths[b] as number) - (lengths[a] as number));
  for (const row of order) {
    const batch = batches.at(-1);
    const longest = lengths[batch?.[0] ?? row] as number;
    if (batch && batch.length < most && (lengths[row] as number) >= ALIKE * longest) batch.push(row);
    else batches.push([row]);
  }
  return batches;
}
