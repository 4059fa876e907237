import { WEIGHT_TYPES, type WeightType } from '@densessm/ssm-core';
import { type ModelBundle, requireBundle, tokenizerOf } from './bundle';
import { badOption } from './option-error';
import { refuseUnknown } from './option-names';
import { usualPromptChunk } from './reading/most-tokens';
import type { SamplingPlan } from './samplers/sample-token';

export interface GenerateOptions {
  /** Most tokens to draw. Default 256. */
  maxTokens?: number;
  /** 0 takes the most likely token (greedy), 1 draws from the model's own distribution. Default 0. */
  temperature?: number;
  /** Draws from the k most likely tokens only; 0 for all. */
  topK?: number;
  /** Draws from the fewest tokens that have this share of the probability; 1 for all. */
  topP?: number;
  /** Draws from tokens at least this many times as likely as the most likely one; 0 for all. */
  minP?: number;
  /** Above 1 makes tokens of the whole text so far less likely. */
  repetitionPenalty?: number;
  /** Taken once off the logit of a token that was drawn before. */
  presencePenalty?: number;
  /** Taken off the logit of a token for each time it was drawn before. */
  frequencyPenalty?: number;
  /** No n tokens in a row come twice; 0 allows all. */
  noRepeatNgram?: number;
  /** Added to the logit of a token; -Infinity forbids it. */
  logitBias?: Readonly<Record<number, number>> | ReadonlyMap<number, number>;
  /** Makes a draw repeatable. Left out, one is chosen, and the result says which. */
  seed?: number;
  /** Text that ends the text; it is not part of the result. */
  stop?: string | readonly string[];
  /** Tokens that end the text. Default: the tokenizer's eos. */
  eosIds?: readonly number[];
  /** Adds the log-probability of each token under the model itself, before anything above. */
  logprobs?: boolean;
  /** Adds the n most likely tokens at each place with theirs. */
  topLogprobs?: number;
  /** Ends the text with reason 'aborted'; what was drawn is kept. */
  signal?: AbortSignal;
  /** Prompt tokens per call of the model: more is faster and needs more memory. Default 512, on a GPU 2,048. */
  promptChunk?: number;
  /**
   * How the weights that read drawn tokens are kept, where the model has a decoder on this backend: 32, 16, 8.5 or 4.5 bits each. f32 gives
   * the logits of `advance` up to rounding. Default: f32, or as the bundle's matrices are packed.
   */
  weights?: WeightType;
  /** Above 1 searches for the most likely text instead of drawing one. */
  numBeams?: number;
  /** Beams are compared by log-probability / length ** this. Default 1. */
  lengthPenalty?: number;
  /** Whether the search ends as soon as `numBeams` texts have ended; 'never' goes on while any could still win. Default false. */
  earlyStopping?: boolean | 'never';
}

/** Options that were checked, each with its value. */
export interface GenerationPlan extends SamplingPlan {
  readonly maxTokens: number;
  readonly seed: number | undefined;
  readonly stop: readonly string[];
  readonly eosIds: ReadonlySet<number>;
  readonly logprobs: boolean;
  readonly topLogprobs: number;
  readonly signal: AbortSignal | undefined;
  readonly promptChunk: number;
  readonly weights: WeightType | undefined;
  readonly numBeams: number;
  readonly lengthPenalty: number;
  readonly earlyStopping: boolean | 'never';
}

interface Rule {
  readonly fallback: number;
  readonly min?: number;
  readonly max?: number;
  readonly whole?: boolean;
  /** `min` itself is too little. */
  readonly above?: boolean;
}

const MAX_SEED = Number.MAX_SAFE_INTEGER;
const NUMBERS = {
  maxTokens: { fallback: 256, min: 1, whole: true },
  temperature: { fallback: 0, min: 0 },
  topK: { fallback: 0, min: 0, whole: true },
  topP: { fallback: 1, min: 0, max: 1, above: true },
  minP: { fallback: 0, min: 0, max: 1 },
  repetitionPenalty: { fallback: 1, min: 0, above: true },
  presencePenalty: { fallback: 0 },
  frequencyPenalty: { fallback: 0 },
  noRepeatNgram: { fallback: 0, min: 0, whole: true },
  topLogprobs: { fallback: 0, min: 0, whole: true },
  numBeams: { fallback: 1, min: 1, whole: true },
  lengthPenalty: { fallback: 1 },
} as const satisfies Record<string, Rule>;
export const promptChunkRule = (): Rule => ({ fallback: usualPromptChunk(), min: 1, whole: true });
const OTHERS = ['weights', 'logitBias', 'seed', 'stop', 'eosIds', 'logprobs', 'signal', 'earlyStopping'] as const;
const DRAWING = ['topK', 'topP', 'minP', 'seed'] as const;

/**
 * Checks options and fills in what was left out.
 * @throws SsmError OPTION for a name or value without meaning and for options that exclude each other.
 */
export function planGeneration(where: string, bundle: ModelBundle, options: GenerateOptions): GenerationPlan {
  requireBundle(where, bundle);
  const rules = { ...NUMBERS, promptChunk: promptChunkRule() };
  const names = Object.keys(rules) as (keyof typeof rules)[];
  refuseUnknown(where, options, [...names, ...OTHERS]);
  const entries = names.map((name) => [name, number(where, name, options[name], rules[name])] as const);
  const numbers = Object.fromEntries(entries) as Record<keyof typeof rules, number>;
  const plan: GenerationPlan = {
    ...numbers,
    weights: weightsOf(where, options.weights),
    seed: seedOf(where, options.seed),
    stop: stopStrings(where, bundle, options.stop),
    eosIds: new Set(options.eosIds ? ids(where, 'eosIds', options.eosIds) : eosOf(bundle)),
    logprobs: flag(where, 'logprobs', options.logprobs) || numbers.topLogprobs > 0,
    logitBias: biasOf(where, options.logitBias),
    signal: options.signal,
    earlyStopping: options.earlyStopping === 'never' ? 'never' : flag(where, 'earlyStopping', options.earlyStopping),
  };
  checkTogether(where, options, plan);
  return Object.freeze(plan);
}

function checkTogether(where: string, options: GenerateOptions, plan: GenerationPlan): void {
  const drawing = DRAWING.filter((name) => options[name] !== undefined);
  if (options.temperature === undefined && drawing.length > 0)
    throw badOption(where, drawing.join(', '), 'a temperature beside it', 'none', 'add temperature: 1, or 0 to take the most likely token');
  if (plan.numBeams === 1) {
    const idle = (['lengthPenalty', 'earlyStopping'] as const).find((name) => options[name] !== undefined);
    if (idle) throw badOption(where, idle, 'numBeams of 2 or more beside it', 'one beam', 'add numBeams, or leave it out');
    return;
  }
  if (plan.temperature > 0)
    throw badOption(
      where,
      'numBeams',
      'temperature 0 beside beams',
      `temperature ${plan.temperature}`,
      'search or draw: leave one of them out',
    );
  const apart = DRAWING.find((name) => options[name] !== undefined);
  if (apart) throw badOption(where, apart, 'one beam beside it', `${plan.numBeams} beams`, `leave ${apart} or numBeams out`);
}

/** @throws SsmError OPTION */
export function weightsOf(where: string, weights: unknown): WeightType | undefined {
  if (weights === undefined || WEIGHT_TYPES.some((known) => known === weights)) return weights as WeightType | undefined;
  throw badOption(where, 'weights', WEIGHT_TYPES.join(', '), shown(weights), 'f32 is exact, int8 takes a quarter of its memory');
}

function seedOf(where: string, seed: number | undefined): number | undefined {
  return seed === undefined ? undefined : number(where, 'seed', seed, { fallback: 0, min: 0, max: MAX_SEED, whole: true });
}

const eosOf = ({ tokenizer }: ModelBundle): number[] => {
  const eos = tokenizer?.specialIds?.eos;
  return typeof eos === 'number' ? [eos] : [];
};

function stopStrings(where: string, bundle: ModelBundle, stop: GenerateOptions['stop']): readonly string[] {
  if (stop === undefined) return [];
  const stops = typeof stop === 'string' ? [stop] : stop;
  if (!Array.isArray(stops) || stops.some((one) => typeof one !== 'string' || one === ''))
    throw badOption(where, 'stop', 'strings that are not empty', shown(stop), 'leave it out for none');
  if (stops.length > 0) tokenizerOf(where, bundle, 'stop strings');
  return stops;
}

function biasOf(where: string, bias: GenerateOptions['logitBias'] = {}): ReadonlyMap<number, number> {
  const entries: [unknown, unknown][] = bias instanceof Map ? [...bias] : Object.entries(bias);
  const map = new Map(entries.map(([id, amount]) => [Number(id), amount as number]));
  ids(where, 'logitBias', [...map.keys()]);
  for (const [id, amount] of map) {
    if (typeof amount === 'number' && amount < Infinity) continue; // NaN is not less
    throw badOption(where, 'logitBias', 'a finite number or -Infinity for each token', `${shown(amount)} for token ${id}`, 'correct it');
  }
  return map;
}

function ids(where: string, name: string, values: readonly number[]): readonly number[] {
  if (Array.isArray(values) && values.every((id) => Number.isInteger(id) && id >= 0)) return values;
  throw badOption(where, name, 'token ids, integers from 0', shown(values), "take them from the model's tokenizer");
}

function flag(where: string, name: string, value: unknown = false): boolean {
  if (typeof value === 'boolean') return value;
  throw badOption(where, name, name === 'earlyStopping' ? "true, false or 'never'" : 'true or false', shown(value), 'correct it');
}

/** @throws SsmError OPTION where a number is outside its rule. */
export function number(where: string, name: string, value: unknown, rule: Rule): number {
  const { fallback, min = -Infinity, max = Infinity, whole = false, above = false } = rule;
  if (value === undefined) return fallback;
  const inside = typeof value === 'number' && Number.isFinite(value) && (above ? value > min : value >= min) && value <= max;
  if (inside && (!whole || Number.isInteger(value))) return value;
  const low = min > -Infinity ? ` ${above ? 'above' : 'from'} ${min}` : '';
  const high = max < Infinity ? ` to ${max}` : '';
  throw badOption(where, name, `${whole ? 'an integer' : 'a number'}${low}${high}`, shown(value), 'correct it, or leave it out');
}

const shown = (value: unknown): string => (typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value)));
