import { BYTE_CHARACTERS } from './encode/byte-alphabet';
import { shown, TokenizerError } from './errors';
import { tokenizerFromJson } from './from-json';
import type { Tokenizer } from './tokenizer';

export interface ByteTokenizerOptions {
  /** Ids from 256 on. Names such as `<s>`, `</s>` and `<pad>` become `specialIds`. Default none. */
  specialTokens?: readonly string[];
}

/** Each byte of a text's UTF-8 is an id: 256 ids that express any text. */
export function byteTokenizer({ specialTokens = [] }: ByteTokenizerOptions = {}): Tokenizer {
  checkNames('byteTokenizer', specialTokens);
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  const vocab = BYTE_CHARACTERS.map((character, byte) => [character, byte]);
  return tokenizerFromJson({
    ...shell(specialTokens, 256),
    pre_tokenizer: byteLevel,
    decoder: byteLevel,
    model: bpeWithoutMerges(Object.fromEntries(vocab), null),
  });
}

export interface CharacterTokenizerOptions {
  /** The token of characters that are not in the vocabulary, the first id; with null such a character is an error. Default `<unk>`. */
  unkToken?: string | null;
  /** The ids after it. Default none. */
  specialTokens?: readonly string[];
}

/**
 * Each character (code point) that occurs in some texts is an id, in the order of Unicode, after the special tokens.
 * @throws TokenizerError OPTION where the texts have no characters
 */
export function characterTokenizer(texts: string | Iterable<string>, options: CharacterTokenizerOptions = {}): Tokenizer {
  const { unkToken = '<unk>', specialTokens = [] } = options;
  const names = unkToken === null ? [...specialTokens] : [unkToken, ...specialTokens];
  checkNames('characterTokenizer', names);
  const characters = new Set<string>();
  for (const text of typeof texts === 'string' ? [texts] : texts) for (const character of text) characters.add(character);
  for (let unit = 0xd800; unit < 0xe000; unit++) characters.delete(String.fromCharCode(unit)); // halves are encoded as U+FFFD
  if (characters.size === 0) throw badOption('characterTokenizer', 'texts', 'texts with characters in them', 'none');
  const sorted = [...characters].sort((a, b) => (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0));
  const vocab = [...names, ...sorted].map((token, id) => [token, id]);
  return tokenizerFromJson({
    ...shell(names, 0),
    pre_tokenizer: null,
    decoder: { type: 'Fuse' },
    model: bpeWithoutMerges(Object.fromEntries(vocab), unkToken),
  });
}

function shell(specialTokens: readonly string[], firstId: number): Record<string, unknown> {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const added_tokens = specialTokens.map((content, index) => ({ id: firstId + index, content, ...flags }));
  return { version: '1.0', truncation: null, padding: null, added_tokens, normalizer: null, post_processor: null };
}

function bpeWithoutMerges(vocab: Record<string, unknown>, unk_token: string | null): Record<string, unknown> {
  const absent = { dropout: null, continuing_subword_prefix: null, end_of_word_suffix: null };
  return { type: 'BPE', unk_token, ...absent, fuse_unk: false, byte_fallback: false, ignore_merges: false, vocab, merges: [] };
}

/** Special tokens are words: a single character could be one of the text's. */
function checkNames(who: string, names: readonly string[]): void {
  const bad = names.find((one, index) => typeof one !== 'string' || one.length < 2 || names.indexOf(one) !== index);
  if (bad !== undefined) throw badOption(who, 'specialTokens', 'different names of two characters or more', bad);
}

function badOption(who: string, option: string, expected: string, got: unknown): TokenizerError {
  const fix = `correct the option of ${who}`;
  return new TokenizerError({ code: 'OPTION', what: `${who}: \`${option}\` has no meaning.`, expected, got: shown(got), fix });
}
