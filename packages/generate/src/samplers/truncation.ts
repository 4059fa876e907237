import { keepAsMany, keepLargest } from './keep-largest';
import { massOf, maximum } from './probabilities';

/** Keeps the k most likely tokens, in place; of equal ones those with the lowest ids. Fan et al. 2018, arXiv:1805.04833. [V] */
export const keepTopK = (logits: Float32Array, k: number): Float32Array => keepLargest(logits, k);

/**
 * Keeps the fewest most likely tokens whose probabilities sum to at least p, in place: nucleus sampling, Holtzman et al. 2019,
 * arXiv:1904.09751. Of equally likely ones those with the lowest ids stay; at least one does. [V]
 */
export function keepTopP(logits: Float32Array, p: number): Float32Array {
  if (p >= 1) return logits;
  const largest = maximum(logits);
  const wanted = p * massOf(logits, largest);
  let best = logits;
  for (let depth = FIRST_DEPTH; depth < LAST_DEPTH; depth *= 2) {
    best = atLeast(logits, largest - depth);
    if (massOf(best, largest) >= wanted) break;
  }
  const ascending = best.slice().sort();
  let first = ascending.length;
  for (let mass = 0; mass < wanted && first > 0; ) mass += Math.exp((ascending[--first] as number) - largest);
  return keepAsMany(logits, ascending.subarray(Math.min(first, ascending.length - 1)));
}

/** The logits from a threshold on. `filter` does the same, ten times slower. */
function atLeast(logits: Float32Array, threshold: number): Float32Array {
  let count = 0;
  for (let id = 0; id < logits.length; id++) if ((logits[id] as number) >= threshold) count++;
  const some = new Float32Array(count);
  for (let id = 0, place = 0; place < count; id++) if ((logits[id] as number) >= threshold) some[place++] = logits[id] as number;
  return some;
}

/** How far below the largest logit the nucleus is looked for first, and where e^(−depth) is 0: sorting a few tokens spares sorting all. */
const FIRST_DEPTH = 4;
const LAST_DEPTH = 1024;

/** Keeps tokens at least `minP` times as likely as the most likely one, in place. Nguyen et al. 2024, arXiv:2407.01082. [V] */
export function keepMinP(logits: Float32Array, minP: number): Float32Array {
  const threshold = maximum(logits) + Math.log(minP);
  for (let id = 0; id < logits.length; id++) if ((logits[id] as number) < threshold) logits[id] = -Infinity;
  return logits;
}
