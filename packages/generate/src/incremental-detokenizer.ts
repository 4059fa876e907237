import type { TextTokenizer } from './bundle';

/** Tokens of the text before that a decoder is shown first, so that it continues them: a space after a word, half a character. */
const CONTEXT = 8;

/**
 * A decoder for what follows some tokens. Special tokens are left out, and so are ids without a token, which a model has whose
 * vocabulary was rounded up. Eager, lest it hold back text of those before.
 */
export function detokenizerAfter(tokenizer: TextTokenizer, before: readonly number[]): ReturnType<TextTokenizer['decodeStream']> {
  const decoder = tokenizer.decodeStream({ skipSpecialTokens: true, eager: true, unknownIds: 'skip' });
  for (const id of before.slice(-CONTEXT)) decoder.push(id);
  return decoder;
}

/** The text of tokens that follow others. */
export function textAfter(tokenizer: TextTokenizer, before: readonly number[], tokens: readonly number[]): string {
  const decoder = detokenizerAfter(tokenizer, before);
  return tokens.map((id) => decoder.push(id)).join('') + decoder.end();
}
