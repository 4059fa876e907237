/** Up to so many a running list is faster than sorting the vocabulary. */
const FEW = 512;

/** Sets all but the `count` largest logits to −Infinity, in place. Of equal ones those with the lowest ids stay. [V] */
export function keepLargest(logits: Float32Array, count: number): Float32Array {
  if (count >= logits.length) return logits;
  const best = count <= FEW ? largestFew(logits, count) : logits.slice().sort().subarray(-count);
  return keepAsMany(logits, best);
}

/** Keeps the tokens whose logits are `best`, the largest of all in rising order, and sets the others to −Infinity, in place. */
export function keepAsMany(logits: Float32Array, best: Float32Array): Float32Array {
  const threshold = best[0] as number;
  let atThreshold = 0;
  while (atThreshold < best.length && best[atThreshold] === threshold) atThreshold++;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (logit > threshold || (logit === threshold && atThreshold-- > 0)) continue;
    logits[id] = -Infinity;
  }
  return logits;
}

/** The `count` largest logits in rising order. */
function largestFew(logits: Float32Array, count: number): Float32Array {
  const best = new Float32Array(count).fill(-Infinity);
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (logit <= (best[0] as number)) continue;
    let place = 0;
    while (place + 1 < count && (best[place + 1] as number) < logit) {
      best[place] = best[place + 1] as number;
      place++;
    }
    best[place] = logit;
  }
  return best;
}
