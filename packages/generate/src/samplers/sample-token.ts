/**
 * One order of application, that of transformers' `_get_logits_processor`, with vLLM's presence and frequency penalties at their
 * place there, behind the repetition penalty:
 *
 *   logit bias → repetition penalty → presence and frequency penalty → no-repeat n-gram → temperature → top-k → top-p → min-p → draw
 *
 * What changes the model's preference comes before what cuts its tail, so that a forbidden token never takes a place among the
 * top k, and the temperature comes before the cuts, so that p of top-p is a share of the distribution that is drawn from.
 */
import type { ChoiceRules } from '@densessm/ssm-core';
import type { TokenHistory } from '../token-history';
import { drawToken } from './draw';
import { addLogitBias } from './logit-bias';
import { forbidRepeatedNgrams } from './no-repeat-ngram';
import { penalizeOccurrence, penalizeRepetition } from './penalties';
import { argMax } from './probabilities';
import type { Random } from './random';
import { scaleByTemperature } from './temperature';
import { keepMinP, keepTopK, keepTopP } from './truncation';

/** What changes the logits by the tokens before them; for drawing, greedy choice and beams alike. */
export interface Preferences {
  readonly logitBias: ReadonlyMap<number, number>;
  /** 1 for none. */
  readonly repetitionPenalty: number;
  /** 0 for none. */
  readonly presencePenalty: number;
  /** 0 for none. */
  readonly frequencyPenalty: number;
  /** 0 for none. */
  readonly noRepeatNgram: number;
}

export interface SamplingPlan extends Preferences {
  /** 0 is greedy. */
  readonly temperature: number;
  /** 0 for all. */
  readonly topK: number;
  /** 1 for all. */
  readonly topP: number;
  /** 0 for all. */
  readonly minP: number;
}

/** Bias and penalties, in place. [V] */
export function applyPreferences(logits: Float32Array, history: TokenHistory, plan: Preferences): Float32Array {
  const { logitBias, repetitionPenalty, presencePenalty: presence, frequencyPenalty: frequency, noRepeatNgram } = plan;
  addLogitBias(logits, logitBias);
  if (repetitionPenalty !== 1) penalizeRepetition(logits, history.recent(), repetitionPenalty);
  if (presence !== 0 || frequency !== 0) penalizeOccurrence(logits, history.drawn(), { presence, frequency });
  if (noRepeatNgram > 0) forbidRepeatedNgrams(logits, history.recent(), noRepeatNgram);
  return logits;
}

/** Temperature and cuts, in place: the logits of the distribution that is drawn from. [V] */
export function applyCuts(logits: Float32Array, { temperature, topK, topP, minP }: SamplingPlan): Float32Array {
  if (temperature !== 1) scaleByTemperature(logits, temperature);
  if (topK > 0) keepTopK(logits, topK);
  if (topP < 1) keepTopP(logits, topP);
  if (minP > 0) keepMinP(logits, minP);
  return logits;
}

/** Logits divided by less than this may pass the largest float32; long before, only the largest logit is left. */
const COLDEST = 1e-30;

/** Whether the most likely token is taken, and no number drawn. */
export const isGreedy = ({ temperature }: SamplingPlan): boolean => temperature < COLDEST;

/** The plan as a decoder may carry it out; undefined where it forbids n-grams, which the host alone looks for. */
export const choiceRules = (plan: SamplingPlan): ChoiceRules | undefined =>
  plan.noRepeatNgram > 0 ? undefined : { ...plan, temperature: isGreedy(plan) ? 0 : plan.temperature };

/** Where logits are changed: one for all draws, none of which waits, since to find room as large as a vocabulary takes longer than the draw. */
let room = new Float32Array();

/** The next token after `history`, from the model's logits, which stay as they are. [V] */
export function sampleToken(logits: Float32Array, history: TokenHistory, plan: SamplingPlan, random: Random): number {
  if (room.length !== logits.length) room = new Float32Array(logits.length);
  room.set(logits);
  const preferred = applyPreferences(room, history, plan);
  return isGreedy(plan) ? argMax(preferred) : drawToken(applyCuts(preferred, plan), random);
}
