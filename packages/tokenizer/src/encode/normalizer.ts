import { BertNormalizer } from '@huggingface/tokenizers';
import type { JsonReader } from '../json';
import { bytesAsText } from './byte-alphabet';
import { readCharsmap } from './charsmap';
import { readPattern } from './split';

export type Normalizer = (text: string) => string;

const TYPES = [
  'Sequence',
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
  if (!reader) return (text) => text;
  const type = reader.oneOf('type', TYPES);
  switch (type) {
    case 'Sequence': {
      const steps = reader.objects('normalizers').map(readNormalizer);
      return (text) => steps.reduce((now, step) => step(now), text);
    }
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

function readReplace(reader: JsonReader): Normalizer {
  const content = reader.string('content');
  const string = reader.object('pattern').stringOrNull('String');
  if (string === '') return (text) => text;
  if (string !== null) return (text) => text.split(string).join(content);
  const pattern = readPattern(reader);
  return (text) => text.replace(pattern, () => content); // a function, since a string would give meaning to $
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
