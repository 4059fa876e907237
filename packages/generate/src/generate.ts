import { SsmError } from '@densessm/ssm-core';
import { beamSearch } from './beam-search';
import { type ModelBundle, type Prompt, promptIds } from './bundle';
import { decodeRows } from './generation-loop';
import { textAfter } from './incremental-detokenizer';
import { badOption } from './option-error';
import { type GenerateOptions, type GenerationPlan, planGeneration } from './options';
import type { TokenLogprob } from './samplers/probabilities';
import { anySeed } from './samplers/random';
import { StopStrings } from './stop/stop-strings';
import type { FinishReason, Part } from './text-generator';

/** A text that was generated. */
export interface Generated {
  /** The tokens drawn, an eos token and those of a stop string included. */
  readonly tokens: readonly number[];
  /** Their text up to the eos token or stop string; undefined without a tokenizer. */
  readonly text: string | undefined;
  readonly finishReason: FinishReason;
  readonly promptTokens: number;
  /** What to pass to draw the same again; undefined where nothing was drawn by chance. */
  readonly seed: number | undefined;
  /** For each token, with `logprobs`. */
  readonly logprobs?: readonly number[];
  readonly topLogprobs?: readonly (readonly TokenLogprob[])[];
  /** Of the best beam: log-probability / length ** lengthPenalty. */
  readonly score?: number;
}

/**
 * Continues a prompt.
 * @throws SsmError TOKENS for a prompt that is empty or has an id outside the vocabulary, OPTION for options without meaning.
 */
export async function generate(bundle: ModelBundle, prompt: Prompt, options: GenerateOptions = {}): Promise<Generated> {
  const [result] = await generateRows('generate', bundle, [prompt], options);
  return result as Generated;
}

/**
 * Continues several prompts, of any lengths, together. Row r draws from stream r of the seed: what a row draws does not depend
 * on the rows beside it.
 * @throws SsmError as {@link generate}
 */
export async function generateBatch(bundle: ModelBundle, prompts: readonly Prompt[], options: GenerateOptions = {}): Promise<Generated[]> {
  if (!Array.isArray(prompts) || prompts.length === 0 || prompts.some((prompt) => typeof prompt === 'number')) throw badPrompts(prompts);
  return generateRows('generateBatch', bundle, prompts, options);
}

/**
 * Continues a prompt and hands out each token as it is drawn. Breaking off the loop frees everything; `signal` ends it with a
 * part that says 'aborted'.
 * @throws SsmError as {@link generate}, at the first step
 */
export async function* stream(bundle: ModelBundle, prompt: Prompt, options: GenerateOptions = {}): AsyncGenerator<Part, void, undefined> {
  const plan = planGeneration('stream', bundle, options);
  refuseBeams('stream', plan);
  const ids = promptIds('stream', bundle, prompt);
  for await (const { part } of decodeRows(bundle, [ids], plan, plan.seed ?? anySeed())) yield part;
}

/** @throws SsmError OPTION, since beams are known only at the end. */
export function refuseBeams(where: string, plan: GenerationPlan): void {
  if (plan.numBeams > 1)
    throw badOption(where, 'numBeams', 'one beam', `${plan.numBeams} beams`, 'search with generate, which waits for the end');
}

async function generateRows(
  where: string,
  bundle: ModelBundle,
  prompts: readonly Prompt[],
  options: GenerateOptions,
): Promise<Generated[]> {
  const plan = planGeneration(where, bundle, options);
  const rows = prompts.map((prompt) => promptIds(where, bundle, prompt));
  if (plan.numBeams > 1) {
    const found: Generated[] = [];
    for (const row of rows) found.push(await bestBeam(bundle, row, plan));
    return found;
  }
  const seed = plan.temperature > 0 ? (plan.seed ?? anySeed()) : 0;
  const parts: Part[][] = rows.map(() => []);
  for await (const { row, part } of decodeRows(bundle, rows, plan, seed)) parts[row]?.push(part);
  return parts.map((list, row) =>
    collected(bundle, list, { promptTokens: rows[row]?.length ?? 0, seed: plan.temperature > 0 ? seed : undefined }),
  );
}

/** The whole of a text from its parts. */
export function collected(bundle: ModelBundle, parts: readonly Part[], about: Pick<Generated, 'promptTokens' | 'seed'>): Generated {
  const drawn = parts.filter(({ token }) => token !== undefined);
  return {
    ...about,
    tokens: drawn.map(({ token }) => token as number),
    text: bundle.tokenizer && parts.map(({ text }) => text).join(''),
    finishReason: parts.at(-1)?.finishReason ?? 'aborted',
    ...(drawn[0]?.logprob !== undefined && { logprobs: drawn.map(({ logprob }) => logprob as number) }),
    ...(drawn[0]?.topLogprobs && { topLogprobs: drawn.map(({ topLogprobs }) => topLogprobs ?? []) }),
  };
}

async function bestBeam(bundle: ModelBundle, prompt: readonly number[], plan: GenerationPlan): Promise<Generated> {
  const { beams, aborted } = await beamSearch(bundle, prompt, plan);
  const { tokens = [], steps = [], score } = beams[0] ?? {};
  const isEnded = plan.eosIds.has(tokens.at(-1) ?? -1);
  const whole = bundle.tokenizer && textAfter(bundle.tokenizer, prompt, isEnded ? tokens.slice(0, -1) : tokens);
  const stops = new StopStrings(plan.stop);
  const { text, stopped } = stops.push(whole ?? '');
  return {
    tokens,
    text: whole === undefined ? undefined : text + stops.end(),
    finishReason: aborted ? 'aborted' : stopped ? 'stop' : isEnded ? 'eos' : 'length',
    promptTokens: prompt.length,
    seed: undefined,
    ...(plan.logprobs && { logprobs: steps.map(({ logprob }) => logprob) }),
    ...(plan.topLogprobs > 0 && { topLogprobs: steps.map(({ topLogprobs = [] }) => topLogprobs) }),
    score,
  };
}

const badPrompts = (prompts: unknown): SsmError =>
  new SsmError({
    code: 'TOKENS',
    what: 'generateBatch: there are no prompts.',
    expected: 'a list of texts or of lists of token ids',
    got: Array.isArray(prompts) ? `a list of ${prompts.length ? 'numbers' : 'nothing'}` : typeof prompts,
    fix: 'pass [prompt] for one',
  });
