import type { SharedBundle } from '@densessm/generate';
import type { Tokenizer } from '@densessm/tokenizer';

/** What is served: a `LanguageModel` of the package `densessm` is one. */
export interface ServedModel extends SharedBundle {
  readonly tokenizer: Tokenizer;
  /** Text of the chat template, for /tokenizer_info. */
  readonly chatTemplate?: string;
}

/** Tokens below this can be read and drawn; undefined where the model's configuration does not say. */
export function vocabSizeOf({ config }: Pick<ServedModel, 'config'>): number | undefined {
  const { vocabSize } = config as { readonly vocabSize?: unknown };
  return typeof vocabSize === 'number' ? vocabSize : undefined;
}

/** The ids that end a text of the model. */
export function eosIdsOf({ eosIds, tokenizer }: ServedModel): readonly number[] {
  const { eos } = tokenizer.specialIds;
  return eosIds && eosIds.length > 0 ? eosIds : eos === null ? [] : [eos];
}
