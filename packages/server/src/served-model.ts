import type { SharedBundle } from '@densessm/generate';
import type { Tokenizer } from '@densessm/tokenizer';

/** What is served: a `LanguageModel` of the package `densessm` is one. */
export interface ServedModel extends SharedBundle {
  readonly tokenizer: Tokenizer;
  /** Text of the chat template, for /tokenizer_info. */
  readonly chatTemplate?: string;
}

/** The ids that end a text of the model. */
export function eosIdsOf({ eosIds, tokenizer }: ServedModel): readonly number[] {
  const { eos } = tokenizer.specialIds;
  return eosIds && eosIds.length > 0 ? eosIds : eos === null ? [] : [eos];
}
