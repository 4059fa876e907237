import { type AnswerPart, type GenerateOptions, type SharedBundle, SharedModel } from '@densessm/generate';
import type { Tokenizer } from '@densessm/tokenizer';

/** What answers: a `LanguageModel` of the package `densessm`, which has a tokenizer. */
export interface DenseSSMModel extends SharedBundle {
  readonly tokenizer: Tokenizer;
  /** Where it was loaded from. */
  readonly source?: string;
}

/** Sampling, of a model or of one call. What is left out comes from the model's generation_config.json, else the most likely token is taken. */
export interface DenseSSMSampling
  extends Pick<
    GenerateOptions,
    | 'maxTokens'
    | 'temperature'
    | 'topK'
    | 'topP'
    | 'minP'
    | 'repetitionPenalty'
    | 'presencePenalty'
    | 'frequencyPenalty'
    | 'noRepeatNgram'
    | 'seed'
  > {
  /** Added to the logit of a token, by its id; -Infinity forbids it. */
  logitBias?: Readonly<Record<number, number>>;
  /** Strings that end a text. */
  stop?: string[];
}

const NAMES = [
  ...(['maxTokens', 'temperature', 'topK', 'topP', 'minP', 'repetitionPenalty', 'presencePenalty'] as const),
  ...(['frequencyPenalty', 'noRepeatNgram', 'seed', 'logitBias', 'stop'] as const),
] satisfies readonly (keyof DenseSSMSampling)[];

/** The sampling among other fields. */
export const samplingIn = (fields: DenseSSMSampling): DenseSSMSampling =>
  Object.fromEntries(NAMES.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])));

/** Of a call before that of its model. */
export function samplingFor(own: DenseSSMSampling, call: DenseSSMSampling & { readonly signal?: AbortSignal }): GenerateOptions {
  return { ...own, ...samplingIn(call), ...(call.signal && { signal: call.signal }) };
}

/** Where a model came from, for traces and caches. */
export const nameOf = ({ source }: DenseSSMModel): string => source ?? 'densessm';

/** How LangChain counts tokens. */
export const tokenUsage = ({ promptTokens, tokens }: AnswerPart) => ({
  tokenUsage: { promptTokens, completionTokens: tokens, totalTokens: promptTokens + tokens },
});

/** Waits for the answers that were begun and frees the states that were kept. */
export const closeModel = (model: DenseSSMModel): Promise<void> => SharedModel.of(model).close();
