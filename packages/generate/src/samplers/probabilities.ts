import { SsmError } from '@densessm/ssm-core';

/**
 * The largest logit, which −Infinity everywhere and NaN anywhere do not have. [V]
 * @throws SsmError OPTION where no token is left to choose, DTYPE where the model's numbers are no numbers.
 */
export function maximum(logits: Float32Array): number {
  let largest = -Infinity;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (logit > largest) largest = logit;
    else if (Number.isNaN(logit)) throw notFinite(`NaN for token ${id}`);
  }
  if (largest === Infinity) throw notFinite('Infinity');
  if (largest > -Infinity) return largest;
  throw nothingLeft();
}

export const nothingLeft = (): SsmError =>
  new SsmError({
    code: 'OPTION',
    what: 'generate: no token is left to choose.',
    expected: 'at least one token that nothing forbids',
    got: '-Infinity for every token',
    fix: 'loosen noRepeatNgram or logitBias',
  });

const notFinite = (got: string): SsmError =>
  new SsmError({
    code: 'DTYPE',
    what: 'generate: the model returned logits that are no numbers.',
    expected: 'finite logits',
    got,
    fix: 'check the weights; a model that was trained too fast has such',
  });

/** Σ exp(logits − largest), in float64. [V] */
export function massOf(logits: Float32Array, largest: number): number {
  let mass = 0;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] as number;
    if (logit > -Infinity) mass += Math.exp(logit - largest);
  }
  return mass;
}

/** log Σ exp(logits), in float64. [V] */
export function logSumExp(logits: Float32Array): number {
  const largest = maximum(logits);
  return largest + Math.log(massOf(logits, largest));
}

/** The token with the largest logit; of equal ones the lowest id. [V] */
export const argMax = (logits: Float32Array): number => logits.indexOf(maximum(logits));

export interface TokenLogprob {
  readonly token: number;
  /** Natural logarithm of the probability. */
  readonly logprob: number;
}

/** The `count` most likely tokens, most likely first; of equal ones the lowest id first. [V] */
export function mostLikely(logits: Float32Array, count: number, normalizer = logSumExp(logits)): TokenLogprob[] {
  const best: number[] = []; // ids, best first
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (best.length === count && logit <= (logits[best[count - 1] as number] as number)) continue;
    let place = best.length;
    while (place > 0 && (logits[best[place - 1] as number] as number) < logit) place--;
    best.splice(place, 0, id);
    if (best.length > count) best.pop();
  }
  return best.map((token) => ({ token, logprob: (logits[token] as number) - normalizer }));
}

/** What the model itself thinks of a token: its log-probability, and the most likely tokens where any are asked for. */
export interface Logprobs {
  readonly logprob: number;
  readonly topLogprobs?: readonly TokenLogprob[];
}

/** Of one token among logits, with the `count` most likely ones. [V] */
export function logprobsOf(logits: Float32Array, token: number, count: number): Logprobs {
  const normalizer = logSumExp(logits);
  const logprob = (logits[token] as number) - normalizer;
  return count > 0 ? { logprob, topLogprobs: mostLikely(logits, count, normalizer) } : { logprob };
}
