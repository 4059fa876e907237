import { BertNormalizer } from '@huggingface/tokenizers';
import type { JsonReader } from '../json';
import { checkGrowth, flattenSteps, grownLimit } from '../limits';
import { bytesAsText } from './byte-alphabet';
import { readCharsmap } from './charsmap';
import { type Pattern, readPattern, replaceAll } from './split';

export type Normalizer = (text: string) => string;

/** A step of a normalizer. `limit`: how long the text may become. */
type Step = (text: string, limit: number) => string;

const TYPES = [
  'NFC',
  'NFD',
  'NFKC',
  'NFKD',
  'Prepend',
  'Replace',
  'Lowercase',
  'Strip',
  'StripAccents',
  'ByteLevel',
  'BertNormalizer',
  'Precompiled',
] as const;

/**
 * What a file does to a text before it is cut.
 * @throws TokenizerError FILE, CONFIG for a type that is not listed here
 */
export function readNormalizer(reader: JsonReader | null): Normalizer {
  const steps = flattenSteps(reader, 'normalizers').map((one) => ({ where: one.where, step: readStep(one) }));
  return (text) => {
    const limit = grownLimit(text.length);
    let now = text;
    for (const { where, step } of steps) {
      now = step(now, limit);
      checkGrowth(where, now.length, limit);
    }
    return now;
  };
}

function readStep(reader: JsonReader): Step {
  const type = reader.oneOf('type', TYPES);
  switch (type) {
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return (text) => text.normalize(type);
    case 'Prepend': {
      const prefix = reader.string('prepend');
      return (text) => (text === '' ? '' : prefix + text);
    }
    case 'Replace':
      return readReplace(reader);
    case 'Lowercase':
      return lowercase;
    case 'Strip':
      return readStrip(reader);
    case 'StripAccents':
      return (text) => text.replace(/\p{M}/gu, '');
    case 'ByteLevel':
      return bytesAsText;
    case 'BertNormalizer': {
      const { clean_text = true, handle_chinese_chars = true, strip_accents = null, lowercase: lower = true } = reader.json;
      const library = new BertNormalizer({ type, clean_text, handle_chinese_chars, strip_accents, lowercase: lower } as BertConfig);
      return (text) => library.normalize(text);
    }
    case 'Precompiled':
      return readCharsmap(reader);
  }
}

type BertConfig = ConstructorParameters<typeof BertNormalizer>[0];

function readReplace(reader: JsonReader): Step {
  const content = reader.string('content');
  const string = reader.object('pattern').stringOrNull('String');
  if (string === '') return (text) => text;
  if (string === null) {
    const pattern: Pattern = readPattern(reader);
    return (text, limit) => replaceAll(reader.where, text, pattern, content, limit);
  }
  return (text, limit) => {
    const parts = text.split(string);
    checkGrowth(reader.where, text.length + (parts.length - 1) * (content.length - string.length), limit);
    return parts.join(content);
  };
}

/** Character by character: the whole text's toLowerCase would give the last Σ of a word its final form. */
const lowercase: Normalizer = (text) =>
  /Σ/.test(text) ? Array.from(text, (character) => character.toLowerCase()).join('') : text.toLowerCase();

function readStrip(reader: JsonReader): Normalizer {
  const left = reader.boolean('strip_left', true) ? /^\p{White_Space}+/u : null;
  const right = reader.boolean('strip_right', true) ? /(?<!\p{White_Space})\p{White_Space}+$/u : null;
  return (text) => {
    const started = left ? text.replace(left, '') : text;
    return right ? started.replace(right, '') : started;
  };
}
