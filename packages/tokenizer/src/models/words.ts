import { shown, TokenizerError } from '../errors';
import type { JsonReader } from '../json';
import { checkTokenLength, MAX_WORD_CHARACTERS, shortMark, tooMuch } from '../limits';
import { type Model, readVocab } from './model';

/** Whole words and nothing smaller. */
export function readWordLevel(reader: JsonReader): Model {
  const vocab = readVocab(reader);
  const unknown = reader.string('unk_token', '<unk>');
  const encode = (piece: string, ids: number[]): void => {
    ids.push(vocab.get(piece) ?? idOf(unknown, vocab));
  };
  return { vocab, encode, cut: null, unknown };
}

/**
 * BERT's word pieces (Schuster and Nakajima 2012, as in Devlin et al. 2018, arXiv:1810.04805): the longest token first, from left
 * to right. A word that is too long, or has a part without a token, is the unknown one.
 */
export function readWordPiece(reader: JsonReader): Model {
  const vocab = readVocab(reader);
  const unknown = reader.string('unk_token', '[UNK]');
  const prefix = shortMark(reader, 'continuing_subword_prefix', '##');
  const most = reader.count('max_input_chars_per_word', 100);
  if (most > MAX_WORD_CHARACTERS) throw tooMuch(`${reader.where}.max_input_chars_per_word`, `at most ${MAX_WORD_CHARACTERS}`, `${most}`);
  let longest = 0;
  for (const token of vocab.keys()) {
    checkTokenLength(`${reader.where}.vocab`, token);
    longest = Math.max(longest, token.length);
  }
  const encode = (piece: string, ids: number[]): void => {
    const found = piece.length <= 2 * most && Array.from(piece).length <= most ? wordPieces(piece, vocab, prefix, longest) : null;
    for (const id of found ?? [idOf(unknown, vocab)]) ids.push(id);
  };
  return { vocab, encode, cut: null, unknown };
}

/** The ids of a word, or null where a part of it has no token. `longest`: of the tokens, in UTF-16 units. */
function wordPieces(word: string, vocab: ReadonlyMap<string, number>, prefix: string, longest: number): number[] | null {
  const ids: number[] = [];
  for (let start = 0; start < word.length; ) {
    let end = Math.min(word.length, start + longest);
    let id: number | undefined;
    for (; end > start && id === undefined; end--) id = vocab.get((start > 0 ? prefix : '') + word.slice(start, end));
    if (id === undefined) return null;
    ids.push(id);
    start = end + 1;
  }
  return ids;
}

function idOf(token: string, vocab: ReadonlyMap<string, number>): number {
  const id = vocab.get(token);
  if (id !== undefined) return id;
  throw new TokenizerError({
    code: 'TOKENS',
    what: `encode: a word is not in the vocabulary, which has no token ${shown(token)} for it.`,
    expected: 'words of the vocabulary',
    got: 'an unknown word',
    fix: 'use a tokenizer with a token for unknown words',
  });
}
