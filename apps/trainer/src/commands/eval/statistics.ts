import { seededRandom } from '@densessm/generate';

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Standard error of exp(−mean) of some log-likelihoods by the bootstrap: the deviation of the same over samples drawn with
 * replacement, as in lm-evaluation-harness's `bootstrap_stderr`. Undefined for fewer than two values.
 */
export function bootstrapPerplexityError(logprobs: readonly number[], iterations: number): number | undefined {
  if (logprobs.length < 2) return undefined;
  const random = seededRandom(1234);
  const drawn = Array.from({ length: iterations }, () => {
    let sum = 0;
    for (let i = 0; i < logprobs.length; i++) sum += logprobs[Math.floor(random.next() * logprobs.length)] as number;
    return Math.exp(-sum / logprobs.length);
  });
  const middle = mean(drawn);
  return Math.sqrt(drawn.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (drawn.length - 1));
}
