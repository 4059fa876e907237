/**
 * Beam search as transformers does it since 4.50 (`_beam_search`): in each step the best (1 + number of eos tokens) · beams
 * continuations are looked at, those that end among the best `numBeams` become results, the best that do not end go on.
 */
import { disposeTree } from '@densessm/ssm-core';
import type { ModelBundle } from './bundle';
import type { GenerationPlan } from './options';
import { type Reading, readTokens } from './reading/read';
import { selectRows } from './reading/rows';
import { applyPreferences } from './samplers/choose';
import { logSumExp, mostLikely, nothingLeft } from './samplers/probabilities';
import { TokenHistory } from './token-history';

export interface Beam {
  readonly tokens: readonly number[];
  /** Sum of log-probabilities / length ** lengthPenalty. */
  readonly score: number;
}

/** A text that goes on. */
interface Open {
  readonly tokens: readonly number[];
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
  readonly plan: GenerationPlan;
  readonly prompt: readonly number[];
  open: readonly Open[];
  ended: readonly Beam[];
  /** Whether an open beam may still beat the worst result. */
  canImprove: boolean;
}

/** The best texts, best first. An abort ends the search with what it has, open beams among it. */
export async function beamSearch(
  bundle: ModelBundle,
  prompt: readonly number[],
  plan: GenerationPlan,
): Promise<{ beams: readonly Beam[]; aborted: boolean }> {
  const search: Search = { plan, prompt, open: [{ tokens: [], sum: 0 }], ended: [], canImprove: true };
  let reading: Reading | undefined;
  try {
    reading = await readTokens(bundle, [prompt], undefined, plan);
    for (;;) {
      const parents = takeStep(search, reading.logits);
      if (isOver(search)) return { beams: search.ended, aborted: false };
      const state = selectRows(reading.state, parents);
      disposeTree(reading.state);
      reading = { state, logits: [] };
      const tokens = search.open.map((beam) => [beam.tokens.at(-1) as number]);
      const next = await readTokens(bundle, tokens, state, plan);
      disposeTree(state);
      reading = next;
    }
  } catch (error) {
    if (!plan.signal?.aborted || error !== plan.signal.reason) throw error;
    const beams = [...search.ended, ...search.open.map((beam) => scored(beam, plan))];
    return { beams: beams.sort((a, b) => b.score - a.score), aborted: true };
  } finally {
    disposeTree(reading?.state);
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

function bestCandidates({ plan, prompt, open, ended }: Search, logits: readonly Float32Array[]): Candidate[] {
  const width = Math.max(2, 1 + plan.eosIds.size) * plan.numBeams;
  const candidates = open.flatMap((beam, parent) => {
    const logprobs = logprobsOf(logits[parent] as Float32Array, [prompt, beam.tokens], plan);
    const allowed = mostLikely(logprobs, width, 0).filter(({ logprob }) => logprob > -Infinity);
    return allowed.map(({ token, logprob }): Candidate => {
      const tokens = [...beam.tokens, token];
      return { tokens, sum: beam.sum + logprob, parent, ends: plan.eosIds.has(token) || tokens.length >= plan.maxTokens };
    });
  });
  if (candidates.length === 0 && ended.length === 0) throw nothingLeft();
  return candidates.sort((a, b) => b.sum - a.sum).slice(0, width); // stable: of equal ones the first beam's lowest id
}

/** log softmax, then bias and penalties on it, in this order as transformers does with beams. [V] */
function logprobsOf(logits: Float32Array, [prompt, tokens]: [readonly number[], readonly number[]], plan: GenerationPlan): Float32Array {
  const normaliser = logSumExp(logits);
  const history = new TokenHistory();
  history.give(prompt);
  for (const token of tokens) history.draw(token);
  return applyPreferences(
    logits.map((logit) => logit - normaliser),
    history,
    plan,
  );
}

const scored = ({ tokens, sum }: Open, { lengthPenalty }: GenerationPlan): Beam => ({
  tokens,
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
