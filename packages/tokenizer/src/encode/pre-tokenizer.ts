import type { JsonReader } from '../json';
import { checkGrowth, flattenSteps, grownLimit, shortMark } from '../limits';
import { bytesAsText } from './byte-alphabet';
import { BEHAVIORS, type Behavior, cut, escapeRegExp, type Pattern, readPattern } from './split';

/** Cuts a piece of normalized text into smaller ones. `atStart`: the piece is the very beginning of the text. */
export type PreTokenizer = (piece: string, atStart: boolean) => string[];

export interface PreTokenizing {
  split: PreTokenizer;
  /** Every piece is still to be written in the byte alphabet: done last, so that known pieces need it no more. */
  asBytes: boolean;
}

const SPACE = '\\p{White_Space}';
/** ASCII symbols count as punctuation, as in BERT. */
const PUNCTUATION = '[!-/:-@[-`{-~\\p{P}]';
/** Letters, marks, digits, connectors and joiners: \w of Unicode technical standard 18, annex C. */
const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';

/**
 * Words of GPT-2 with the spaces before them: pattern of OpenAI's encoder. JavaScript's own \s would take U+FEFF for a
 * space and U+0085 for none.
 */
export const gpt2Pattern = (): RegExp => {
  const other = `[^${SPACE}\\p{L}\\p{N}]`;
  return new RegExp(`'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?${other}+|${SPACE}+(?!\\P{White_Space})|${SPACE}+`, 'gu');
};

const by =
  (pattern: Pattern, behavior: Behavior, invert = false): PreTokenizer =>
  (piece) =>
    cut(piece, pattern, behavior, invert);
const unchanged: PreTokenizer = (piece) => [piece];

/** A step at most doubles a text, so that few ones need no look at it. */
const FEW_STEPS = 4;

/** Each after the other; only what begins the first piece begins the text. */
const chain =
  (steps: readonly PreTokenizer[]): PreTokenizer =>
  (text, atStart) => {
    const limit = grownLimit(text.length);
    let pieces = [text];
    for (const step of steps) {
      pieces = pieces.flatMap((piece, index) => step(piece, atStart && index === 0));
      if (steps.length > FEW_STEPS)
        checkGrowth(
          'tokenizer.json.pre_tokenizer',
          pieces.reduce((sum, { length }) => sum + length, 0),
          limit,
        );
    }
    return pieces;
  };

/** @throws TokenizerError FILE, CONFIG for a type that is not listed here */
export function readPreTokenizing(reader: JsonReader | null): PreTokenizing {
  const steps: PreTokenizing[] = flattenSteps(reader, 'pretokenizers').map(readOne);
  const asBytes = steps.at(-1)?.asBytes ?? false;
  const parts = steps.map((step, index) => (step.asBytes && index < steps.length - 1 ? chain([step.split, inBytes]) : step.split));
  const [only, ...others] = parts;
  if (!only) return { split: unchanged, asBytes };
  return { split: others.length > 0 ? chain(parts) : only, asBytes };
}

const inBytes: PreTokenizer = (piece) => [bytesAsText(piece)];

const TYPES = [
  'ByteLevel',
  'Split',
  'Metaspace',
  'Digits',
  'Whitespace',
  'WhitespaceSplit',
  'Punctuation',
  'BertPreTokenizer',
  'CharDelimiterSplit',
  'FixedLength',
] as const;

function readOne(reader: JsonReader): PreTokenizing {
  const type = reader.oneOf('type', TYPES);
  if (type === 'ByteLevel') return readByteLevel(reader);
  return { split: readSplit(type, reader), asBytes: false };
}

function readSplit(type: Exclude<(typeof TYPES)[number], 'ByteLevel'>, reader: JsonReader): PreTokenizer {
  const space = new RegExp(SPACE, 'gu');
  const punctuation = new RegExp(PUNCTUATION, 'gu');
  switch (type) {
    case 'Split':
      return by(readPattern(reader), reader.oneOf('behavior', BEHAVIORS), reader.boolean('invert', false));
    case 'Metaspace':
      return readMetaspace(reader);
    case 'Digits':
      return by(/\p{N}/gu, reader.boolean('individual_digits', false) ? 'Isolated' : 'Contiguous');
    case 'Whitespace':
      return by(new RegExp(`[${WORD}]+|[^${WORD}${SPACE}]+`, 'gu'), 'Removed', true);
    case 'WhitespaceSplit':
      return by(space, 'Removed');
    case 'Punctuation':
      return by(punctuation, reader.oneOf('behavior', BEHAVIORS, 'Isolated'));
    case 'BertPreTokenizer':
      return chain([by(space, 'Removed'), by(punctuation, 'Isolated')]);
    case 'CharDelimiterSplit':
      return by(new RegExp(escapeRegExp(reader.string('delimiter')), 'gu'), 'Removed');
    case 'FixedLength':
      return by(new RegExp(`[^]{1,${Math.max(1, reader.count('length', 5))}}`, 'gu'), 'Isolated');
  }
}

function readByteLevel(reader: JsonReader): PreTokenizing {
  const split = reader.boolean('use_regex', true) ? by(gpt2Pattern(), 'Isolated') : unchanged;
  if (!reader.boolean('add_prefix_space', true)) return { split, asBytes: true };
  return { split: (piece, atStart) => split(piece.startsWith(' ') ? piece : ` ${piece}`, atStart), asBytes: true };
}

/** SentencePiece's spaces: each becomes ▁, and a piece that is to begin a word gets one in front. */
function readMetaspace(reader: JsonReader): PreTokenizer {
  const mark = shortMark(reader, 'replacement', '▁');
  const prefixed = reader.boolean('add_prefix_space', true) ? 'always' : 'never';
  const prepends = reader.oneOf('prepend_scheme', ['always', 'first', 'never'], prefixed);
  const pattern = new RegExp(escapeRegExp(mark), 'gu');
  const splits = reader.boolean('split', true);
  const unlessThere = !reader.boolean('always_prepends', false); // our mark; see sentencepiece/from-model.ts
  return (piece, atStart) => {
    const marked = piece.replaceAll(' ', () => mark);
    const begins = prepends === 'always' || (prepends === 'first' && atStart);
    const text = begins && !(unlessThere && marked.startsWith(mark)) ? mark + marked : marked;
    return splits ? cut(text, pattern, 'MergedWithNext') : [text];
  };
}
