export type { ModelBundle, Prompt, TextTokenizer } from './bundle';
export { jsonLines } from './evaluate/documents';
export {
  type Loglikelihood,
  loglikelihood,
  loglikelihoodRolling,
  type RollingLoglikelihood,
  type RollingOptions,
  type RollingWindow,
  rollingWindows,
} from './evaluate/loglikelihood';
export type { EvaluationOptions } from './evaluate/score';
export {
  type LambadaResult,
  lambada,
  type MultipleChoiceResult,
  multipleChoice,
  type Perplexity,
  perplexity,
  type Question,
} from './evaluate/tasks';
export { type Generated, generate, generateBatch, stream } from './generate';
export type { GenerateOptions } from './options';
export { drawToken } from './samplers/draw';
export { addLogitBias } from './samplers/logit-bias';
export { forbidRepeatedNgrams } from './samplers/no-repeat-ngram';
export { penalizeOccurrence, penalizeRepetition } from './samplers/penalties';
export { argMax, mostLikely, type TokenLogprob } from './samplers/probabilities';
export { type Random, type RandomState, randomFrom, seededRandom } from './samplers/random';
export { scaleByTemperature } from './samplers/temperature';
export { keepMinP, keepTopK, keepTopP } from './samplers/truncation';
export type { ServedEvent } from './serving/lane';
export { decodeState, encodeState, type SavedState, savedBytes } from './serving/saved-state';
export { Scheduler } from './serving/scheduler';
export {
  type PrefixCache,
  QueueFullError,
  type SchedulerCounts,
  type SchedulerOptions,
} from './serving/scheduler-options';
export { type AnswerPart, type AnswerPrompt, type SharedBundle, SharedModel } from './serving/shared-model';
export type { TextRequest } from './serving/ticket';
export { Session } from './session/session';
export type { SessionMark, SessionOptions } from './session/session-options';
export type { FinishReason, Part } from './text-generator';
