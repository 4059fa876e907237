import { readPattern, replaceAll } from '../encode/split';
import { badValue, type JsonReader } from '../json';
import { flattenSteps, MAX_DECODED_TOKEN, MAX_STRIPPED, shortMark, tooMuch } from '../limits';
import { byteFallbackStage, byteLevelStage } from './byte-stages';
import { gathered, perToken, type Stage, type StageMaker } from './stage';

export interface DecodeChoices {
  /** See `byteFallbackStage`. */
  eager: boolean;
}

/** Builds the decoder of a file in front of a sink. */
export type DecoderMaker = (sink: Stage, choices: DecodeChoices) => Stage;

const TYPES = ['ByteLevel', 'ByteFallback', 'Fuse', 'Replace', 'Strip', 'Metaspace', 'WordPiece', 'BPEDecoder', 'CTC'] as const;

/**
 * What a file does to turn tokens into text; without a decoder, tokens are joined by spaces.
 * @throws TokenizerError FILE, CONFIG for a type that is not listed here
 */
export function readDecoder(reader: JsonReader | null): DecoderMaker {
  if (!reader) return (sink) => spaced(sink);
  const steps: ((choices: DecodeChoices) => StageMaker)[] = [];
  let fused = false;
  for (const one of flattenSteps(reader, 'decoders')) {
    const type = one.oneOf('type', TYPES);
    steps.push(readStage(type, one, fused));
    fused ||= type === 'Fuse' || type === 'ByteLevel';
  }
  return (sink, choices) => steps.reduceRight((next, step) => step(choices)(next), sink);
}

/** `fused`: what this stage is pushed are pieces of one token. */
function readStage(type: (typeof TYPES)[number], reader: JsonReader, fused: boolean): (choices: DecodeChoices) => StageMaker {
  const whole = (maker: StageMaker) => () => (fused ? gathered(maker) : maker);
  switch (type) {
    case 'Fuse':
      return () => (next) => next;
    case 'ByteLevel':
      return whole(byteLevelStage);
    case 'ByteFallback':
      return ({ eager }) => (fused ? gathered(byteFallbackStage(eager)) : byteFallbackStage(eager));
    case 'Replace': {
      const isUnit = reader.object('pattern').stringOrNull('String')?.length === 1;
      const replace = perToken(readReplacer(reader));
      return isUnit ? () => replace : whole(replace);
    }
    case 'Strip': {
      const { content, start, stop } = readStrip(reader);
      return () => (fused ? stripFused(content, start, stop) : perToken((token) => stripped(token, content, start, stop)));
    }
    case 'Metaspace':
      return () => metaspace(reader, fused);
    case 'WordPiece':
      return whole(wordPiece(reader.string('prefix', '##'), reader.boolean('cleanup', true)));
    case 'BPEDecoder':
      return whole(wordSuffix(shortMark(reader, 'suffix', '</w>')));
    case 'CTC':
      return whole(ctc(reader));
  }
}

function readReplacer(reader: JsonReader): (token: string) => string {
  const content = reader.string('content');
  const pattern = readPattern(reader);
  return (token) => replaceAll(reader.where, token, pattern, content, Math.max(MAX_DECODED_TOKEN, token.length));
}

/** One character, as in the reference: nothing could be stripped for ever. */
function readStrip(reader: JsonReader): { content: string; start: number; stop: number } {
  const content = reader.string('content', ' ');
  if (Array.from(content).length !== 1) throw badValue(`${reader.where}.content`, 'one character', content);
  const [start, stop] = [reader.count('start', 0), reader.count('stop', 0)];
  if (Math.max(start, stop) > MAX_STRIPPED)
    throw tooMuch(reader.where, `at most ${MAX_STRIPPED} copies to strip`, `${Math.max(start, stop)}`);
  return { content, start, stop };
}

/** Tokens with a space between them. */
function spaced(next: Stage): Stage {
  let isFirst = true;
  const push = (token: string): void => {
    next.push(isFirst ? token : ` ${token}`);
    isFirst = false;
  };
  return { ...next, push };
}

/** Without up to `start` (`stop`) copies of a character at the start (end). */
function stripped(token: string, content: string, start: number, stop: number): string {
  let text = token;
  for (let i = 0; i < start && text.startsWith(content); i++) text = text.slice(content.length);
  for (let i = 0; i < stop && text.endsWith(content); i++) text = text.slice(0, -content.length);
  return text;
}

/** The same for pieces of one token: what may turn out to be its end is kept back. */
const stripFused =
  (content: string, start: number, stop: number): StageMaker =>
  (next) => {
    let leading = start;
    let kept = '';
    return {
      push(piece) {
        let text = kept + piece;
        for (; leading > 0 && text.startsWith(content); leading--) text = text.slice(content.length);
        if (text !== '') leading = 0;
        const safe = stripped(text, content, 0, stop);
        kept = text.slice(safe.length);
        if (safe !== '') next.push(safe);
      },
      flush: () => next.flush(),
      end: () => next.end(),
    };
  };

/** ▁ is a space, and nothing in the first token unless the file says that no space was put there. */
function metaspace(reader: JsonReader, fused: boolean): StageMaker {
  const mark = shortMark(reader, 'replacement', '▁');
  const prefixed = reader.boolean('add_prefix_space', true) ? 'always' : 'never';
  const dropsFirst = reader.oneOf('prepend_scheme', ['always', 'first', 'never'], prefixed) !== 'never';
  return (next) => {
    let isFirst = true;
    const push = (token: string): void => {
      next.push(token.replaceAll(mark, isFirst && dropsFirst ? '' : ' '));
      isFirst &&= fused;
    };
    return { ...next, push };
  };
}

/** Words of BERT: a token without the prefix begins a word. */
const wordPiece =
  (prefix: string, cleans: boolean): StageMaker =>
  (next) => {
    let isFirst = true;
    const push = (token: string): void => {
      const joined = isFirst ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      isFirst = false;
      next.push(cleans ? cleaned(joined) : joined);
    };
    return { ...next, push };
  };

/** The suffix ends a word: a space, but not after the last token. */
const wordSuffix =
  (suffix: string): StageMaker =>
  (next) => {
    let kept: string | null = null;
    return {
      push(token) {
        if (kept !== null) next.push(kept.replaceAll(suffix, ' '));
        kept = token;
      },
      flush: () => next.flush(),
      end() {
        if (kept !== null) next.push(kept.replaceAll(suffix, ''));
        next.end();
      },
    };
  };

/** Graves et al. 2006: the same token again is the same sound, and the pad is silence. */
function ctc(reader: JsonReader): StageMaker {
  const pad = reader.string('pad_token', '<pad>');
  const delimiter = reader.string('word_delimiter_token', '|');
  const cleans = reader.boolean('cleanup', true);
  return (next) => {
    let last: string | null = null;
    const push = (token: string): void => {
      if (token === last) return;
      last = token;
      const sound = token.replaceAll(pad, '');
      const text = cleans ? cleaned(sound).replaceAll(delimiter, ' ') : sound;
      if (text !== '') next.push(text);
    };
    return { ...next, push };
  };
}

const CLEANING: readonly (readonly [string, string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [' do not', " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

const cleaned = (text: string): string => CLEANING.reduce((now, [from, to]) => now.replaceAll(from, to), text);
