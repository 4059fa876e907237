/** log Σ exp of the logits. */
function logSum(logits: Float32Array): number {
  const most = logits.reduce((max, value) => Math.max(max, value), Number.NEGATIVE_INFINITY);
  return most + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - most), 0));
}

/** Fills in the likeliest tokens and their log-probabilities, likeliest first; of equal ones the smaller id. As many as the arrays hold. */
export function topCandidates(logits: Float32Array, ids: Int32Array, logprobs: Float32Array): void {
  const size = ids.length;
  if (size === 0) return;
  const best: number[] = [];
  for (let id = 0; id < logits.length; id++) {
    if (best.length === size && (logits[id] as number) <= (logits[best[size - 1] as number] as number)) continue;
    let at = best.length;
    while (at > 0 && (logits[best[at - 1] as number] as number) < (logits[id] as number)) at--;
    best.splice(at, 0, id);
    if (best.length > size) best.pop();
  }
  const sum = logSum(logits);
  for (const [i, id] of best.entries()) {
    ids[i] = id;
    logprobs[i] = (logits[id] as number) - sum;
  }
}

/** −ln p of the token that follows, in nats; NaN where none does. */
export const surpriseOf = (logits: Float32Array, next: number | undefined): number =>
  next === undefined ? Number.NaN : logSum(logits) - (logits[next] as number);
