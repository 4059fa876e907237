/**
 * Beam search as transformers does it since 4.50 (`_beam_search`): in each step the best (1 + number of eos tokens) · beams
 * continuations are looked at, those that end among the best `numBeams` become results, the best that do not end go on.
 */
import type { ModelBundle } from './bundle';
import { textAfter } from './incremental-detokenizer';
import type { GenerationPlan } from './options';
import { ModelRunner } from './reading/model-runner';
import { type Logprobs, logprobsOf, logSumExp, mostLikely, nothingLeft } from './samplers/probabilities';
import { applyPreferences } from './samplers/sample-token';
import { TokenHistory } from './token-history';

interface Text {
  readonly tokens: readonly number[];
  /** Of each token under the model itself; none where they are not wanted. */
  readonly steps: readonly Logprobs[];
}

export interface Beam extends Text {
  /** Sum of log-probabilities / length ** lengthPenalty. */
  readonly score: number;
}

/** A text that goes on. */
interface Open extends Text {
  /** Sum of log-probabilities, penalties included. */
  readonly sum: number;
}

interface Candidate extends Open {
  /** Index of the open beam it continues. */
  readonly parent: number;
  readonly ends: boolean;
}

/** What each step knows. */
interface Search {
  readonly bundle: ModelBundle;
  readonly plan: GenerationPlan;
  readonly prompt: readonly number[];
  open: readonly Open[];
  ended: readonly Beam[];
  /** Whether an open beam may still beat the worst result. */
  canImprove: boolean;
}

const START: Open = { tokens: [], steps: [], sum: 0 };

/** The best texts, best first. An abort ends the search with what it has, open beams among it. */
export async function beamSearch(
  bundle: ModelBundle,
  prompt: readonly number[],
  plan: GenerationPlan,
): Promise<{ beams: readonly Beam[]; aborted: boolean }> {
  const search: Search = { bundle, plan, prompt, open: [START], ended: [], canImprove: true };
  const runner = new ModelRunner(bundle, 1, plan);
  try {
    let logits = await runner.read([prompt], plan.signal);
    for (;;) {
      const parents = takeStep(search, logits);
      if (isOver(search)) return { beams: search.ended, aborted: false };
      runner.select(parents);
      const tokens = search.open.map((beam) => [beam.tokens.at(-1) as number]);
      logits = await runner.read(tokens, plan.signal);
    }
  } catch (error) {
    if (!plan.signal?.aborted || error !== plan.signal.reason) throw error;
    const beams = [...search.ended, ...search.open.map((beam) => scored(beam, plan))];
    return { beams: beams.sort((a, b) => b.score - a.score), aborted: true };
  } finally {
    runner.dispose();
  }
}

/** Continues every open beam by one token and returns which beam each of the new ones continues. */
function takeStep(search: Search, logits: readonly Float32Array[]): number[] {
  const { numBeams, earlyStopping } = search.plan;
  const candidates = bestCandidates(search, logits);
  const isFull = earlyStopping === true && search.ended.length >= numBeams;
  if (!isFull && search.canImprove) {
    const ending = candidates.slice(0, numBeams).filter(({ ends }) => ends);
    const results = [...search.ended, ...ending.map((beam) => scored(beam, search.plan))];
    search.ended = results.sort((a, b) => b.score - a.score).slice(0, numBeams);
  }
  const going = candidates.filter(({ ends }) => !ends).slice(0, numBeams);
  search.open = going;
  search.canImprove &&= going[0] !== undefined && mayImprove(search, going[0]);
  return going.map(({ parent }) => parent);
}

function bestCandidates(search: Search, logits: readonly Float32Array[]): Candidate[] {
  const { plan, prompt, open, ended } = search;
  const width = Math.max(2, 1 + plan.eosIds.size) * plan.numBeams;
  const candidates = open.flatMap((beam, parent) => {
    const preferred = preferredLogprobs(logits[parent] as Float32Array, [prompt, beam.tokens], plan);
    const allowed = mostLikely(preferred, width, 0).filter(({ logprob }) => logprob > -Infinity);
    return allowed.map(({ token, logprob }) => ({ token, parent, sum: beam.sum + logprob }));
  });
  if (candidates.length === 0 && ended.length === 0) throw nothingLeft();
  const best = candidates.sort((a, b) => b.sum - a.sum).slice(0, width); // stable: of equal ones the first beam's lowest id
  return best.map(({ token, parent, sum }): Candidate => {
    const before = open[parent] as Open;
    const tokens = [...before.tokens, token];
    const steps = plan.logprobs ? [...before.steps, logprobsOf(logits[parent] as Float32Array, token, plan.topLogprobs)] : [];
    return { tokens, steps, sum, parent, ends: isAtEnd(search, tokens) };
  });
}

function isAtEnd({ bundle: { tokenizer }, plan, prompt }: Search, tokens: readonly number[]): boolean {
  if (plan.eosIds.has(tokens.at(-1) as number) || tokens.length >= plan.maxTokens) return true;
  if (plan.stop.length === 0 || !tokenizer) return false;
  const text = textAfter(tokenizer, prompt, tokens);
  return plan.stop.some((stop) => text.includes(stop));
}

/** log softmax, then bias and penalties on it, in this order as transformers does with beams. [V] */
function preferredLogprobs(
  logits: Float32Array,
  [prompt, tokens]: [readonly number[], readonly number[]],
  plan: GenerationPlan,
): Float32Array {
  const normalizer = logSumExp(logits);
  const history = new TokenHistory();
  history.give(prompt);
  for (const token of tokens) history.draw(token);
  return applyPreferences(
    logits.map((logit) => logit - normalizer),
    history,
    plan,
  );
}

const scored = ({ tokens, steps, sum }: Open, { lengthPenalty }: GenerationPlan): Beam => ({
  tokens,
  steps,
  score: sum / Math.max(1, tokens.length) ** lengthPenalty,
});

/** Whether the best open beam could come to beat the worst result, at its present length or, searching to the last, at the greatest. */
function mayImprove({ plan, ended }: Search, best: Open): boolean {
  if (ended.length < plan.numBeams) return true;
  const { earlyStopping, lengthPenalty, maxTokens } = plan;
  const length = earlyStopping === 'never' && lengthPenalty > 0 ? maxTokens : best.tokens.length;
  return best.sum / length ** lengthPenalty > (ended.at(-1) as Beam).score;
}

function isOver({ plan, open, ended, canImprove }: Search): boolean {
  if (open.length === 0 || !canImprove) return true;
  return plan.earlyStopping === true && ended.length >= plan.numBeams;
}
