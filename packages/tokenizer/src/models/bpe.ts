import { shown } from '../errors';
import { badValue, type JsonReader } from '../json';
import { MAX_IDS, MAX_TRIE_UNITS, shortMark, tooMuch } from '../limits';
import { Alphabet, type AlphabetChoices } from './alphabet';
import { mergeSymbols } from './merge';
import { type Model, readVocab } from './model';
import { Neighbors } from './neighbors';
import { PairTable } from './pair-table';

export interface BpeModel extends Model {
  /** For tests: how much was looked up. */
  table: PairTable;
}

interface Merges {
  /** Left id, right id, made id, one merge after the other. */
  ids: Int32Array;
  /** The tokens that merges start from, and those that they make. */
  parts: ReadonlySet<string>;
  made: readonly string[];
}

/** @throws TokenizerError FILE, CONFIG */
export function readBpe(reader: JsonReader): BpeModel {
  if (reader.number('dropout', 0) !== 0) throw reader.unsupported('dropout', 'no dropout: the same text always has the same ids');
  const vocab = readVocab(reader);
  const prefix = shortMark(reader, 'continuing_subword_prefix', '');
  const merges = readMerges(reader, vocab, prefix);
  const unknown = reader.stringOrNull('unk_token');
  const choices: AlphabetChoices = {
    unknown,
    fusesUnknown: reader.boolean('fuse_unk', false),
    byteFallback: reader.boolean('byte_fallback', false),
    prefix,
    suffix: shortMark(reader, 'end_of_word_suffix', ''),
    strict: unknown === null && merges.made.length === 0,
  };
  return bpeModel(vocab, merges, choices, reader.boolean('ignore_merges', false));
}

function readMerges(reader: JsonReader, vocab: ReadonlyMap<string, number>, prefix: string): Merges {
  const list = reader.list('merges').filter((one) => typeof one !== 'string' || !one.startsWith('#version'));
  if (list.length > MAX_IDS) throw tooMuch(`${reader.where}.merges`, `at most ${MAX_IDS} merges`, `${list.length}`);
  const ids = new Int32Array(3 * list.length);
  const made: string[] = [];
  const used = new Set<string>();
  const idOf = (token: string, rank: number): number => {
    const id = vocab.get(token);
    if (id !== undefined) return id;
    throw badValue(`${reader.where}.merges[${rank}]`, `tokens of the vocabulary, not ${shown(token)}`, list[rank]);
  };
  list.forEach((merge, rank) => {
    const parts: unknown[] = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : [];
    const [left, right] = parts;
    if (parts.length !== 2 || typeof left !== 'string' || typeof right !== 'string')
      throw badValue(`${reader.where}.merges[${rank}]`, 'two tokens', merge);
    const joined = left + right.slice(right.startsWith(prefix) ? prefix.length : 0);
    ids.set([idOf(left, rank), idOf(right, rank), idOf(joined, rank)], 3 * rank);
    made.push(joined);
    used.add(left).add(right);
  });
  return { ids, parts: used, made };
}

/** `wholePieces`: a piece that is a token needs no merges. */
function bpeModel(vocab: ReadonlyMap<string, number>, merges: Merges, choices: AlphabetChoices, wholePieces: boolean): BpeModel {
  const table = new PairTable(merges.ids);
  const alphabet = new Alphabet(vocab, choices);
  let symbols = new Int32Array(256);
  const encode = (piece: string, ids: number[]): void => {
    const whole = wholePieces ? vocab.get(piece) : undefined;
    if (whole !== undefined) {
      ids.push(whole);
      return;
    }
    const room = alphabet.roomFor(piece);
    if (symbols.length < room || symbols.length > KEEP) symbols = new Int32Array(Math.max(256, room));
    const length = mergeSymbols(symbols, alphabet.symbolsOf(piece, symbols), table);
    for (let i = 0; i < length; i++) ids.push(symbols[i] as number);
  };
  const units = merges.made.reduce((sum, { length }) => sum + length, 0);
  const mayCut = units <= MAX_TRIE_UNITS && !wholePieces && alphabet.isLocal && !alphabet.mayMergeUnknown(merges.parts);
  const neighbors = mayCut ? new Neighbors(merges.made) : null;
  return { vocab, encode, cut: neighbors && ((piece) => neighbors.cut(piece)), unknown: choices.unknown, table };
}

/** Symbols that stay allocated between calls. */
const KEEP = 2 ** 16;
