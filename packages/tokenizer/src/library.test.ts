import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { expect, it } from 'vitest';
import { fixtureLines, type TokenizerContent } from '../fixtures';
import { tokenizerFromJson } from './from-json';

interface Case {
  name: string;
  tokenizer: TokenizerContent;
  /** Null where only the decoding of `ids` is at issue. */
  text: string | null;
  ids: number[];
  decoded: string;
}

/** What the library makes of a case; an error counts as what it says. */
function byLibrary({ tokenizer, text, ids }: Case): unknown {
  try {
    const library = new LibraryTokenizer(tokenizer, {});
    return { ids: text === null ? ids : library.encode(text).ids, decoded: library.decode(ids) };
  } catch (error) {
    return String(error);
  }
}

// Each is a difference of @huggingface/tokenizers from Hugging Face's tokenizers for Python: why that part is ours. Where a
// new version of the library agrees, the second expectation fails, and the part may go.
it.each(fixtureLines<Case>('library').map((one) => [one.name, one] as const))(
  '%s, as the reference does and the library does not',
  (_, one) => {
    const ours = tokenizerFromJson(one.tokenizer);
    const { ids, decoded } = one;
    expect({ ids: one.text === null ? ids : ours.encode(one.text), decoded: ours.decode(ids) }).toEqual({ ids, decoded });
    expect(byLibrary(one)).not.toEqual({ ids, decoded });
  },
);
