import { WordPiece } from '@huggingface/tokenizers';
import { shown, TokenizerError } from '../errors';
import type { JsonReader } from '../json';
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

/** BERT's word pieces, by the library. */
export function readWordPiece(reader: JsonReader): Model {
  const vocab = readVocab(reader);
  const unknown = reader.string('unk_token', '[UNK]');
  const longest = reader.id('max_input_chars_per_word', 100);
  const prefix = reader.string('continuing_subword_prefix', '##');
  const settings = { type: 'WordPiece', unk_token: unknown, max_input_chars_per_word: longest, continuing_subword_prefix: prefix } as const;
  const library = new WordPiece({ ...settings, vocab: Object.fromEntries(vocab) });
  const encode = (piece: string, ids: number[]): void => {
    for (const token of library.encode([piece])) ids.push(idOf(token, vocab));
  };
  return { vocab, encode, cut: null, unknown };
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
