/** Log-likelihoods of texts with the meaning they have in EleutherAI's lm-evaluation-harness (`HFLM`, causal models). */
import { type ModelBundle, type Prompt, requirePrompt, tokenizerOf } from '../bundle';
import { badOption } from '../option-error';
import { number } from '../options';
import { withoutSpaceAtEnd } from './python-space';
import {
  type EvaluationOptions,
  planScoring,
  prefixTokenOf,
  requireTokens,
  type Scored,
  type ScoreRequest,
  scoreContinuations,
  scoreRequests,
  sum,
} from './score';

export interface Loglikelihood {
  /** Natural logarithm of the probability of the continuation. */
  readonly logprob: number;
  /** Whether greedy generation would give the continuation. */
  readonly isGreedy: boolean;
  /** Whether the continuation was encoded alone, because a token of the whole text spans its beginning and nothing follows that token. */
  readonly encodedAlone: boolean;
}

/**
 * The log-probability of a continuation after a context, the sum of its tokens'. Context and whole text are encoded without special
 * tokens, and the continuation is what the whole has beyond as many tokens as the context; where nothing is left, because a token spans
 * both, the continuation is encoded alone. Spaces that end the context count to the continuation. Without a context the prefix token
 * stands in its place. This is `TemplateLM._encode_pair` of lm-evaluation-harness 0.4, which ends in an assertion where nothing is left
 * (its issues 1053, 1297 and 3336).
 * @throws SsmError TOKENS, OPTION
 */
export async function loglikelihood(
  bundle: ModelBundle,
  context: Prompt,
  continuation: Prompt,
  options: EvaluationOptions = {},
): Promise<Loglikelihood> {
  const [result] = await loglikelihoods('loglikelihood', bundle, context, [continuation], options);
  return result as Loglikelihood;
}

/** As {@link loglikelihood} for several continuations of one context, which is read once. */
export async function loglikelihoods(
  where: string,
  bundle: ModelBundle,
  context: Prompt,
  continuations: readonly Prompt[],
  options: EvaluationOptions,
): Promise<Loglikelihood[]> {
  const plan = planScoring(where, options);
  const pairs = continuations.map((continuation) => encodePair(where, bundle, context, continuation, options));
  const scored = await scoreContinuations(
    bundle,
    pairs[0]?.context ?? [], // depends on the context's text alone
    pairs.map(({ continuation }) => continuation),
    plan,
  );
  return scored.map((one, i) => summed(one, pairs[i] as Pair));
}

/**
 * As {@link loglikelihood} for several pairs of a context and a continuation, in batches of similar length.
 * @param whereOf names a pair in errors
 */
export async function loglikelihoodsOfPairs(
  whereOf: (pair: number) => string,
  bundle: ModelBundle,
  texts: readonly (readonly [context: Prompt, continuation: Prompt])[],
  options: EvaluationOptions,
): Promise<Loglikelihood[]> {
  const pairs = texts.map(([context, continuation], i) => encodePair(whereOf(i), bundle, context, continuation, options));
  const scored = await scoreRequests(bundle, pairs, planScoring(whereOf(0), options));
  return scored.map((one, i) => summed(one, pairs[i] as Pair));
}

const summed = ({ logprobs, areGreedy }: Scored, { encodedAlone }: Pair): Loglikelihood => ({
  logprob: sum(logprobs),
  isGreedy: areGreedy.every((one) => one),
  encodedAlone,
});

interface Pair extends ScoreRequest {
  readonly encodedAlone: boolean;
}

const PAIR = 'pass the context, then its continuation, then the options';

/** @throws SsmError TOKENS for a continuation without tokens, OPTION */
function encodePair(where: string, bundle: ModelBundle, context: Prompt, continuation: Prompt, options: EvaluationOptions): Pair {
  requirePrompt(where, 'context', context, PAIR);
  requirePrompt(where, 'continuation', continuation, PAIR);
  if (typeof context !== 'string' && typeof continuation !== 'string') {
    const ids = Array.from(context);
    const prefixed = ids.length > 0 ? ids : [prefixTokenOf(where, bundle, options)];
    return { context: prefixed, continuation: requireTokens(where, 'continuation', Array.from(continuation)), encodedAlone: false };
  }
  if (typeof context !== 'string' || typeof continuation !== 'string')
    throw badOption(where, 'continuation', 'two texts or two lists of ids', 'one of each', 'encode the text, or decode the ids');
  const { ids, ...pair } = encodeTexts(where, bundle, context, continuation, options);
  return { ...pair, continuation: requireTokens(where, 'continuation', ids) };
}

function encodeTexts(where: string, bundle: ModelBundle, context: string, continuation: string, options: EvaluationOptions) {
  const encode = (text: string): readonly number[] => tokenizerOf(where, bundle, 'text').encode(text, { addSpecialTokens: false });
  const stem = withoutSpaceAtEnd(context);
  const whole = encode(context + continuation);
  if (stem === '') {
    const prefix = prefixTokenOf(where, bundle, options);
    return { context: [prefix], ids: whole[0] === prefix && whole.length > 1 ? whole.slice(1) : whole, encodedAlone: false };
  }
  const own = encode(stem);
  const rest = whole.slice(own.length);
  const encodedAlone = rest.length === 0 && continuation !== '';
  return { context: own, ids: encodedAlone ? encode(context.slice(stem.length) + continuation) : rest, encodedAlone };
}

export interface RollingOptions extends EvaluationOptions {
  /** Most tokens that the model reads at once before it starts anew. Default: it never does, since its state has no limit. */
  windowLength?: number;
  /** Tokens of each later window that are read again and not scored, at least 1. Default 1. */
  contextLength?: number;
}

export interface RollingWindow {
  /** Read and not scored. */
  readonly context: readonly number[];
  /** Scored. */
  readonly continuation: readonly number[];
}

/**
 * Cuts a text into windows such that every token is scored once: the harness's `get_rolling_token_windows` and
 * `make_disjoint_window`. A window reads at most `windowLength` tokens, the last of which predicts only.
 */
export function rollingWindows(
  tokens: readonly number[],
  prefixToken: number,
  { windowLength = Infinity, contextLength = 1 }: Pick<RollingOptions, 'windowLength' | 'contextLength'> = {},
): RollingWindow[] {
  if (tokens.length === 0) return [];
  const first = Math.min(windowLength, tokens.length);
  const windows: RollingWindow[] = [{ context: [prefixToken], continuation: tokens.slice(0, first) }];
  for (let scored = first; scored < tokens.length; ) {
    const end = Math.min(tokens.length, scored + windowLength - contextLength + 1);
    windows.push({ context: tokens.slice(end - windowLength - 1, scored), continuation: tokens.slice(scored, end) });
    scored = end;
  }
  return windows;
}

export interface RollingLoglikelihood {
  readonly logprob: number;
  /** Of the text, without the prefix. */
  readonly tokens: number;
  /** How many times the model started anew, the first included. */
  readonly windows: number;
}

/**
 * The log-probability of a whole text, from a prefix token on.
 * @throws SsmError TOKENS for an empty text, OPTION
 */
export async function loglikelihoodRolling(bundle: ModelBundle, text: Prompt, options: RollingOptions = {}): Promise<RollingLoglikelihood> {
  const [result] = await rollingLoglikelihoods(() => 'loglikelihoodRolling', bundle, [text], options);
  return result as RollingLoglikelihood;
}

/**
 * As {@link loglikelihoodRolling} for several texts, whose windows are read in batches of similar length.
 * @param whereOf names a text in errors
 */
export async function rollingLoglikelihoods(
  whereOf: (text: number) => string,
  bundle: ModelBundle,
  texts: readonly Prompt[],
  options: RollingOptions,
): Promise<RollingLoglikelihood[]> {
  const where = whereOf(0);
  const lengths = checkWindows(where, options);
  const prefix = prefixTokenOf(where, bundle, options);
  const encode = (text: string) => tokenizerOf(where, bundle, 'text').encode(text, { addSpecialTokens: false });
  const tokens = texts.map((text, i) => requireTokens(whereOf(i), 'text', typeof text === 'string' ? encode(text) : Array.from(text)));
  const windows = tokens.map((ids) => rollingWindows(ids, prefix, lengths));
  const scored = await scoreRequests(bundle, windows.flat(), planScoring(where, options));
  return windows.map((list, i) => {
    const own = scored.splice(0, list.length);
    return {
      logprob: sum(own.map(({ logprobs }) => sum(logprobs))),
      tokens: (tokens[i] as readonly number[]).length,
      windows: list.length,
    };
  });
}

function checkWindows(where: string, { windowLength, contextLength }: RollingOptions): { windowLength: number; contextLength: number } {
  const whole = { min: 1, whole: true };
  const length = windowLength === Infinity ? Infinity : number(where, 'windowLength', windowLength, { ...whole, fallback: Infinity });
  return { windowLength: length, contextLength: number(where, 'contextLength', contextLength, { ...whole, fallback: 1, max: length }) };
}
