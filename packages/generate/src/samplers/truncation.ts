import { keepFrom, keepLargest } from './keep-largest';
import { maximum } from './probabilities';

/** Keeps the k most likely tokens, in place; of equal ones those with the lowest ids. Fan et al. 2018, arXiv:1805.04833. [V] */
export const keepTopK = (logits: Float32Array, k: number): Float32Array => keepLargest(logits, k);

/**
 * Keeps the fewest most likely tokens whose probabilities sum to at least p, in place: nucleus sampling, Holtzman et al. 2019,
 * arXiv:1904.09751. Of equally likely ones those with the lowest ids stay; at least one does. [V]
 */
export function keepTopP(logits: Float32Array, p: number): Float32Array {
  if (p >= 1) return logits;
  const ascending = Float32Array.from(logits).sort();
  const largest = ascending[ascending.length - 1] as number;
  let total = 0;
  for (const logit of ascending) total += Math.exp(logit - largest);
  let count = 0;
  for (let mass = 0; mass < p * total && count < ascending.length; ) {
    count++;
    mass += Math.exp((ascending[ascending.length - count] as number) - largest);
  }
  return keepFrom(logits, ascending, Math.max(1, count));
}

/** Keeps tokens at least `minP` times as likely as the most likely one, in place. Nguyen et al. 2024, arXiv:2407.01082. [V] */
export function keepMinP(logits: Float32Array, minP: number): Float32Array {
  const threshold = maximum(logits) + Math.log(minP);
  for (let id = 0; id < logits.length; id++) if ((logits[id] as number) < threshold) logits[id] = -Infinity;
  return logits;
}
