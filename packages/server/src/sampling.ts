import type { GenerateOptions } from '@densessm/generate';
import { badField, unsupported } from './errors';
import { type Body, flagIn, given, listIn, numberIn, objectIn } from './fields';
import { eosIdsOf, type ServedModel, vocabSizeOf } from './served-model';

const MOST_STOPS = 16;
const MOST_TOP = 20;
/** Seeds are integers below 2^53 here; the API takes any. */
const SEEDS = Number.MAX_SAFE_INTEGER;

/**
 * The sampling options of a request: its own, else those of the model's generation_config.json, else the API's (temperature 1).
 * @throws ApiError 400
 */
export function samplingOf(body: Body, model: ServedModel, maxTokens: number): GenerateOptions {
  const defaults = model.samplingDefaults ?? {};
  const topK = numberIn(body, 'top_k', { min: -1, isInteger: true });
  const topP = numberIn(body, 'top_p', { min: 0, max: 1 });
  const repetition =
    numberIn(body, 'repetition_penalty', { min: 0.01, max: 100 }) ?? numberIn(body, 'repeat_penalty', { min: 0.01, max: 100 });
  const seed = numberIn(body, 'seed', { isInteger: true });
  const stop = stopsOf(body);
  return {
    maxTokens,
    temperature: numberIn(body, 'temperature', { min: 0, max: 100 }) ?? defaults.temperature ?? 1,
    topK: topK === undefined ? (defaults.topK ?? 0) : Math.max(0, topK), // -1 and 0 stand for all
    topP: topP === undefined ? (defaults.topP ?? 1) : Math.max(topP, Number.MIN_VALUE), // 0 leaves the most likely token
    minP: numberIn(body, 'min_p', { min: 0, max: 1 }) ?? defaults.minP ?? 0,
    repetitionPenalty: repetition ?? defaults.repetitionPenalty ?? 1,
    presencePenalty: numberIn(body, 'presence_penalty', { min: -2, max: 2 }) ?? 0,
    frequencyPenalty: numberIn(body, 'frequency_penalty', { min: -2, max: 2 }) ?? 0,
    logitBias: biasOf(body, model),
    eosIds: flagIn(body, 'ignore_eos') ? [] : eosIdsOf(model),
    ...(seed !== undefined && { seed: ((seed % SEEDS) + SEEDS) % SEEDS }),
    ...(stop.length > 0 && { stop }),
  };
}

function stopsOf(body: Body): readonly string[] {
  const value = given(body, 'stop');
  const stops = value === undefined ? [] : Array.isArray(value) ? value : [value];
  const isFine = stops.length <= MOST_STOPS && stops.every((one) => typeof one === 'string' && one !== '');
  if (!isFine) throw badField('stop', `a string or a list of at most ${MOST_STOPS}, none of them empty`);
  return stops;
}

function biasOf(body: Body, model: ServedModel): ReadonlyMap<number, number> {
  const vocabSize = vocabSizeOf(model) ?? Infinity;
  const bias = new Map<number, number>();
  for (const [id, amount] of Object.entries(objectIn(body, 'logit_bias') ?? {})) {
    const isFine = /^\d{1,9}$/.test(id) && typeof amount === 'number' && amount >= -100 && amount <= 100;
    if (!isFine) throw badField('logit_bias', 'an object of numbers from -100 to 100 by token id');
    if (Number(id) >= vocabSize) throw badField('logit_bias', `an object by token ids below ${vocabSize}, not ${id}`);
    bias.set(Number(id), amount);
  }
  return bias;
}

/** `logprobs` of /v1/completions: how many of the most likely tokens; undefined for no log-probabilities. @throws ApiError 400 */
export const legacyLogprobs = (body: Body): number | undefined => numberIn(body, 'logprobs', { min: 0, max: MOST_TOP, isInteger: true });

/** `logprobs` and `top_logprobs` of /v1/chat/completions. @throws ApiError 400 */
export function chatLogprobs(body: Body): number | undefined {
  const top = numberIn(body, 'top_logprobs', { min: 0, max: MOST_TOP, isInteger: true });
  if (flagIn(body, 'logprobs')) return top ?? 0;
  if (top !== undefined && top > 0) throw badField('top_logprobs', "absent unless 'logprobs' is true");
  return undefined;
}

export const scoring = (count: number | undefined): GenerateOptions =>
  count === undefined ? {} : { logprobs: true, ...(count > 0 && { topLogprobs: count }) };

/** Refuses what would change the answer and is not served. @throws ApiError 400 */
export function refuseUnserved(body: Body): void {
  const format = objectIn(body, 'response_format');
  if (format !== undefined && given(format, 'type') !== 'text') throw unsupported('response_format', 'A format other than text');
  const choice = given(body, 'tool_choice');
  if (choice !== undefined && choice !== 'auto' && choice !== 'none') throw unsupported('tool_choice', 'A forced tool call');
  const modalities = listIn(body, 'modalities');
  if (modalities?.some((one) => one !== 'text')) throw unsupported('modalities', 'A modality other than text');
  if (given(body, 'suffix')) throw unsupported('suffix', 'Text after the insertion');
  const [best, count] = [given(body, 'best_of'), given(body, 'n') ?? 1];
  if (best !== undefined && best !== count) throw unsupported('best_of', 'A choice of the best among several texts');
}
