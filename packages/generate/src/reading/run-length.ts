import type { RunOptions } from '@densessm/ssm-core';
import type { GenerationPlan } from '../options';
import { choiceRules } from '../samplers/sample-token';
import type { TextGenerator } from '../text-generator';
import type { ModelRunner } from './model-runner';

/** The longest that a run may take, in ms, so that tokens come in small portions and an abort is noticed soon. */
const LONGEST_MS = 60;

/**
 * How many tokens of a text a decoder chooses and reads at once. The first is chosen by the host, and the runs behind it double, so that the first tokens
 * come as soon as they can.
 */
export class RunLength {
  /** 0 for a token that the host chooses. */
  tokens = 0;

  /** What the last one took. Lengths are powers of two: decoders prepare for one that comes again. */
  took(tokens: number, ms: number): void {
    const inTime = (LONGEST_MS * tokens) / Math.max(ms, 1e-3);
    this.tokens = 2 ** Math.max(0, Math.floor(Math.log2(Math.min(2 * tokens, inTime))));
  }
}

/**
 * Lets the decoder of a runner choose and read the next tokens of these texts, as each would draw them by itself. Whether it did: not where the host has to
 * choose, as for log-probabilities and against n-grams. Throws the reason of an abort. @throws SsmError LOST, BACKEND
 */
export async function readAhead(
  runner: ModelRunner,
  generators: readonly TextGenerator[],
  plan: GenerationPlan,
  { length, logits = false, signal }: { length: RunLength; logits?: boolean; signal?: AbortSignal },
): Promise<boolean> {
  const rules = plan.logprobs ? undefined : choiceRules(plan);
  if (!rules || length.tokens === 0) return false;
  const left = Math.min(...generators.map((one) => one.left));
  const options = (tokens: number): RunOptions => ({
    ...{ tokens, rules, logits },
    histories: generators.map((one) => one.lookBack()),
    randoms: generators.map((one) => one.randoms(tokens)),
  });
  return runner.readAhead(length, left, options, signal);
}
