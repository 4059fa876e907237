import { shown, TokenizerError } from './errors';
import type { JsonReader } from './json';

/**
 * What a file may ask for at most. Files come from strangers: none may fill the memory, hang or overflow the stack. Each
 * bound is far beyond every published tokenizer and far below what harms.
 */

/** Ids lie below: tables by id have so many entries. The largest vocabularies have 2^18 tokens; an embedding of 2^22 rows is GBs. */
export const MAX_IDS = 2 ** 22;
/** UTF-16 units of a token that is looked up at every place of a text, which costs their product. Published ones have up to 256. */
export const MAX_TOKEN_LENGTH = 1024;
/** Units of all tokens of a trie, which needs some 50 bytes for each and holds fewer than 2^24. XLM-RoBERTa has 2 million. */
export const MAX_TRIE_UNITS = 2 ** 22;
/** Sequences in sequences: published files go two deep, and readers recurse. */
const MAX_DEPTH = 16;
/** Steps of a normalizer, pre-tokenizer, post-processor or decoder. DeepSeek has ten; every text passes through each. */
const MAX_STEPS = 256;
/** Ids around a text. Published templates have up to five. */
export const MAX_FRAME = 256;
/** Units of a prefix, suffix or mark that is written at every word or character: `##`, `</w>`, ▁. */
export const MAX_MARK_LENGTH = 16;
/** Copies of a character that a decoder strips: published ones strip one. A stream keeps so many back. */
export const MAX_STRIPPED = 1024;

/** A text may grow to so many times its length (NFKD makes 18 units of one) and some more for short ones. */
const MAX_GROWTH = 32;
const FREE_GROWTH = 2 ** 16;
/** Units of one decoded text: half of what V8 can hold. */
export const MAX_TEXT = 2 ** 28;
/** Units to which a decoder may lengthen a token. */
export const MAX_DECODED_TOKEN = 2 ** 16;
/** Characters of a word that a WordPiece model still cuts; published ones have 100 or 200. Work grows with their number times the longest token. */
export const MAX_WORD_CHARACTERS = 10_000;
/** Steps to find the merges of a SentencePiece BPE: the square of each piece's length. A vocabulary of 2^18 pieces takes some 2^25. */
export const MAX_MERGE_WORK = 2 ** 29;

export const grownLimit = (length: number): number => Math.min(MAX_TEXT, MAX_GROWTH * length + FREE_GROWTH);

/**
 * The steps of a (nested) Sequence, whose own steps lie at `key`.
 * @throws TokenizerError CONFIG where they are too many or too deep
 */
export function flattenSteps(reader: JsonReader | null, key: string): JsonReader[] {
  const steps: JsonReader[] = [];
  const visit = (one: JsonReader, depth: number): void => {
    if (depth > MAX_DEPTH) throw tooMuch(reader?.where ?? '', `sequences at most ${MAX_DEPTH} deep`, 'deeper ones');
    if (one.json.type === 'Sequence') for (const inner of one.objects(key)) visit(inner, depth + 1);
    else steps.push(one);
    if (steps.length > MAX_STEPS) throw tooMuch(reader?.where ?? '', `at most ${MAX_STEPS} steps`, 'more');
  };
  if (reader) visit(reader, 0);
  return steps;
}

/** A mark of a file, bounded. @throws TokenizerError CONFIG */
export function shortMark(reader: JsonReader, key: string, fallback: string): string {
  const mark = reader.string(key, fallback);
  if (mark.length <= MAX_MARK_LENGTH) return mark;
  throw tooMuch(`${reader.where}.${key}`, `at most ${MAX_MARK_LENGTH} characters`, `${mark.length}`);
}

/** @throws TokenizerError CONFIG where a token is too long to be looked up at every place of a text */
export function checkTokenLength(where: string, token: string): void {
  if (token.length > MAX_TOKEN_LENGTH) throw tooMuch(where, `tokens of at most ${MAX_TOKEN_LENGTH} characters`, `${token.length}`);
}

/** The error for what is sound and asks for more than any tokenizer needs. */
export function tooMuch(where: string, expected: string, got: string): TokenizerError {
  const fix = 'use another tokenizer: no published one needs so much, and this one may be meant to do harm';
  return new TokenizerError({ code: 'CONFIG', what: `${where} asks for too much.`, expected, got, fix });
}

/** A text as a step left it. @throws TokenizerError CONFIG where it is longer than `limit` */
export function checkGrowth(where: string, length: number, limit: number): void {
  if (length > limit) throw tooMuch(where, `a text of at most ${limit} characters`, shown(length));
}
