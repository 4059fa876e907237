import { maximum } from './probabilities';
import type { Random } from './random';

/** Of each token how likely it is; kept for all draws, as that in choose.ts. */
let weights = new Float64Array();

/**
 * Draws a token with probability softmax(logits), by one number of the generator: tokens lie on [0, 1) in the order of their ids,
 * each as long as it is likely. Sums in float64. [V]
 */
export function drawToken(logits: Float32Array, random: Random): number {
  const largest = maximum(logits);
  if (weights.length < logits.length) weights = new Float64Array(logits.length);
  let total = 0;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    weights[id] = logit > -Infinity ? Math.exp(logit - largest) : 0;
    total += weights[id] as number;
  }
  let left = random.next() * total;
  let last = 0;
  for (let id = 0; id < logits.length; id++) {
    const weight = weights[id] as number;
    if (weight === 0) continue;
    last = id;
    left -= weight;
    if (left < 0) return id;
  }
  return last; // what rounding left over
}
