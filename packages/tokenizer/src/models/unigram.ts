import { byteToken, utf8 } from '../encode/byte-alphabet';
import { shown, TokenizerError } from '../errors';
import { badValue, isId, type JsonReader } from '../json';
import { MAX_IDS, tooMuch } from '../limits';
import type { Model } from './model';
import { Trie } from './trie';

/** An unknown character costs this much more than the rarest token: kUnkPenalty of SentencePiece. */
const UNKNOWN_PENALTY = 10;

interface Pieces {
  tokens: readonly string[];
  /** Log-probabilities. */
  scores: Float64Array;
  unknown: number | null;
}

/**
 * The unigram language model (Kudo 2018, arXiv:1804.10959, §3.2): of all ways to cut a piece into tokens, the one with
 * the greatest product of probabilities (Viterbi).
 * @throws TokenizerError FILE
 */
export function readUnigram(reader: JsonReader): Model {
  const pieces = readPieces(reader);
  const vocab = new Map(pieces.tokens.map((token, id) => [token, id]));
  const trie = new Trie(`${reader.where}.vocab`, vocab);
  const bytes = Array.from({ length: 256 }, (_, byte) => vocab.get(byteToken(byte)) ?? -1);
  const byteIds = reader.boolean('byte_fallback', false) && bytes.every((id) => id >= 0) ? bytes : null;
  const unknownScore = pieces.scores.reduce((least, score) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY;
  const unknownId = (characters: string, ids: number[]): void => {
    const id = vocab.get(characters) ?? (byteIds ? -1 : pieces.unknown);
    if (id === null) throw noUnknown(characters);
    if (id >= 0) ids.push(id);
    else for (const byte of utf8(characters)) ids.push(byteIds?.[byte] as number);
  };
  const encode = (piece: string, ids: number[]): void => {
    let unknownFrom = -1; // unknown characters that follow each other are one token
    for (const { start, id } of bestPath(piece, trie, pieces.scores, unknownScore)) {
      const isUnknown = id === UNKNOWN || id === pieces.unknown;
      if (unknownFrom >= 0 && !isUnknown) unknownId(piece.slice(unknownFrom, start), ids);
      if (!isUnknown) unknownFrom = -1;
      else if (unknownFrom < 0) unknownFrom = start;
      if (id >= 0 && !isUnknown) ids.push(id);
    }
    if (unknownFrom >= 0) unknownId(piece.slice(unknownFrom), ids);
  };
  return { vocab, encode, cut: null, unknown: pieces.unknown === null ? null : (pieces.tokens[pieces.unknown] ?? null) };
}

function readPieces(reader: JsonReader): Pieces {
  const list = reader.list('vocab');
  if (list.length > MAX_IDS) throw tooMuch(`${reader.where}.vocab`, `at most ${MAX_IDS} tokens`, `${list.length}`);
  const tokens: string[] = [];
  const scores = new Float64Array(list.length);
  list.forEach((entry, id) => {
    const [token, score] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof token !== 'string' || typeof score !== 'number')
      throw badValue(`${reader.where}.vocab[${id}]`, 'a token and its score', entry);
    tokens.push(token);
    scores[id] = score;
  });
  const unknown = reader.json.unk_id ?? null;
  if (unknown !== null && (!isId(unknown) || unknown >= tokens.length))
    throw badValue(`${reader.where}.unk_id`, 'an id of the vocabulary', unknown);
  return { tokens, scores, unknown };
}

function noUnknown(characters: string): TokenizerError {
  return new TokenizerError({
    code: 'TOKENS',
    what: 'encode: the text has characters that the vocabulary lacks, and there is no token for unknown ones.',
    expected: 'characters of the vocabulary',
    got: shown(characters),
    fix: 'use a tokenizer with a token for unknown characters',
  });
}

/** The id of an unknown character on a path. */
const UNKNOWN = -1;

interface Step {
  start: number;
  id: number;
}

/** The best way through a piece; of two equally good ones the one found first, from left to right. */
function bestPath(piece: string, trie: Trie, scores: Float64Array, unknownScore: number): Step[] {
  const size = piece.length;
  const best = new Float64Array(size + 1).fill(-Infinity);
  const from = new Int32Array(size + 1);
  const ids = new Int32Array(size + 1).fill(UNKNOWN);
  best[0] = 0;
  const offer = (start: number, end: number, id: number, score: number): void => {
    const total = (best[start] as number) + score;
    if (total <= (best[end] as number)) return;
    best[end] = total;
    from[end] = start;
    ids[end] = id;
  };
  for (let start = 0, next = 0; start < size; start = next) {
    const unit = piece.charCodeAt(start);
    next = start + (unit >= 0xd800 && unit < 0xdc00 ? 2 : 1);
    let isKnown = false;
    trie.prefixes(piece, start, (end, id) => {
      offer(start, end, id, scores[id] as number);
      isKnown ||= end === next;
    });
    if (!isKnown) offer(start, next, UNKNOWN, unknownScore);
  }
  const steps: Step[] = [];
  for (let end = size; end > 0; end = from[end] as number) steps.push({ start: from[end] as number, id: ids[end] as number });
  return steps.reverse();
}
