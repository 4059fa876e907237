import type { GenerateOptions, ModelBundle } from '@densessm/generate';
import type { Tokenizer } from '@densessm/tokenizer';

/** What is served: a `LanguageModel` of the package `densessm` is one. */
export interface ServedModel extends ModelBundle {
  readonly tokenizer: Tokenizer;
  /** How matrices are kept in memory: 'f32', 'bf16', 'int8' or 'int4'. */
  readonly weights?: string;
  /** Tokens that end a text. Default, also where the list is empty: the tokenizer's eos. */
  readonly eosIds?: readonly number[];
  /** What a request does not say, as the model's generation_config.json has it. */
  readonly samplingDefaults?: Pick<GenerateOptions, 'maxTokens' | 'temperature' | 'topK' | 'topP' | 'minP' | 'repetitionPenalty'>;
  /** Text of the chat template, for /tokenizer_info. */
  readonly chatTemplate?: string;
}

/** The ids that end a text of the model. */
export function eosIdsOf({ eosIds, tokenizer }: ServedModel): readonly number[] {
  const { eos } = tokenizer.specialIds;
  return eosIds && eosIds.length > 0 ? eosIds : eos === null ? [] : [eos];
}
