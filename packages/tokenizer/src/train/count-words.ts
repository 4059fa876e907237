import { sectionCutter } from '../encode/added-tokens';
import { ownCopy } from '../encode/own-copy';
import { gpt2Pattern } from '../encode/pre-tokenizer';
import { matchesOf } from '../encode/split';
import { shown, TokenizerError } from '../errors';
import { pause } from './pause';

/** Texts one after the other; no word reaches from one into the next. */
export type Texts = Iterable<string> | AsyncIterable<string>;

export interface CountOptions {
  /** Cut out of the texts: they are no words. */
  specialTokens: readonly string[];
  normalize: (text: string) => string;
  signal?: AbortSignal | undefined;
  /** Called now and then with the characters read so far. */
  onRead(characters: number): void;
}

const isIterable = (texts: unknown): boolean =>
  typeof texts === 'object' && texts !== null && (Symbol.iterator in texts || Symbol.asyncIterator in texts);

/** Words between two looks at the signal. */
const WORDS_PER_LOOK = 2 ** 15;

/**
 * How often each word of some texts occurs, cut as GPT-2 cuts them.
 * @throws TokenizerError OPTION where a text is no string; the signal's reason
 */
export async function countWords(texts: Texts, { specialTokens, normalize, signal, onRead }: CountOptions): Promise<Map<string, number>> {
  const specials = specialTokens.map((content, id) => {
    return { id, content, singleWord: false, lstrip: false, rstrip: false, normalized: false, special: true };
  });
  const cut = sectionCutter(specials, (content) => content);
  const pattern = gpt2Pattern();
  const counts = new Map<string, number>();
  let [characters, words] = [0, 0];
  if (!isIterable(texts)) throw notTexts(typeof texts === 'string' ? 'one string' : shown(texts), '`texts`');
  for await (const text of texts) {
    signal?.throwIfAborted();
    if (typeof text !== 'string') throw notTexts(shown(text), 'one of the texts');
    for (const section of cut(text, false)) {
      if (typeof section === 'number') continue;
      for (const word of matchesOf(normalize(section.text), pattern)) {
        const count = counts.get(word);
        counts.set(count === undefined ? ownCopy(word) : word, (count ?? 0) + 1);
        if (++words % WORDS_PER_LOOK === 0) await pause(signal);
      }
    }
    characters += text.length;
    onRead(characters);
  }
  return counts;
}

function notTexts(got: string, which: string): TokenizerError {
  const fix = 'pass the texts as a list, or as a generator that yields strings; read bytes as text first';
  const what = `trainByteLevelBpe: ${which} cannot be read.`;
  return new TokenizerError({ code: 'OPTION', what, expected: 'a list of strings', got, fix });
}
