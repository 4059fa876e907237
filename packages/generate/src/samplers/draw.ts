import { maximum } from './probabilities';
import type { Random } from './random';

/**
 * Draws a token with probability softmax(logits), by one number of the generator: tokens lie on [0, 1) in the order of their ids,
 * each as long as it is likely. Sums in float64. [V]
 */
export function drawToken(logits: Float32Array, random: Random): number {
  const largest = maximum(logits);
  let total = 0;
  for (const logit of logits) total += Math.exp(logit - largest);
  let left = random.next() * total;
  let last = 0;
  for (let id = 0; id < logits.length; id++) {
    const weight = Math.exp((logits[id] as number) - largest);
    if (weight === 0) continue;
    last = id;
    left -= weight;
    if (left < 0) return id;
  }
  return last; // what rounding left over
}
