import type { Tokenizer } from '@densessm/tokenizer';

export interface Prefix {
  readonly token: number;
  /** In words, where the choice is worth telling. */
  readonly remark?: string;
}

/**
 * What is read before a text that has no context: the tokenizer's bos, else its eos, as lm-evaluation-harness chooses; with a tokenizer
 * of neither (of characters, say) a line break, else the first id.
 */
export function prefixOf(tokenizer: Tokenizer, given: number | undefined): Prefix {
  if (given !== undefined) return { token: given };
  const { bos, eos } = tokenizer.specialIds;
  const special = bos ?? eos;
  if (special !== null) return { token: special };
  const [lineBreak, ...more] = tokenizer.encode('\n', { addSpecialTokens: false });
  if (lineBreak !== undefined && more.length === 0 && tokenizer.decode([lineBreak]) === '\n')
    return { token: lineBreak, remark: 'the tokenizer has no token that begins a text: a line break is read before each' };
  return { token: 0, remark: 'the tokenizer has no token that begins a text: token 0 is read before each; --prefix-token names another' };
}
