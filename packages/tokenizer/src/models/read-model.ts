import type { JsonReader } from '../json';
import { readBpe } from './bpe';
import type { Model } from './model';
import { readUnigram } from './unigram';
import { readWordLevel, readWordPiece } from './words';

const TYPES = ['BPE', 'Unigram', 'WordPiece', 'WordLevel'] as const;

/** @throws TokenizerError FILE, CONFIG for a type that is not listed here */
export function readModel(reader: JsonReader): Model {
  switch (reader.oneOf('type', TYPES, guessType(reader))) {
    case 'BPE':
      return readBpe(reader);
    case 'Unigram':
      return readUnigram(reader);
    case 'WordPiece':
      return readWordPiece(reader);
    case 'WordLevel':
      return readWordLevel(reader);
  }
}

/** Old files do not say their type. */
function guessType(reader: JsonReader): (typeof TYPES)[number] | undefined {
  if (reader.has('merges')) return 'BPE';
  if (Array.isArray(reader.json.vocab)) return 'Unigram';
  if (reader.has('continuing_subword_prefix')) return 'WordPiece';
  return reader.has('vocab') ? 'WordLevel' : undefined;
}
