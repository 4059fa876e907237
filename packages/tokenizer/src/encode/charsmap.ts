import { badValue, type JsonReader } from '../json';
import { utf8 } from './byte-alphabet';
import type { Normalizer } from './normalizer';

/**
 * SentencePiece's table of replacements (`precompiled_charsmap`): a double-array trie of UTF-8 keys (darts-clone) and the
 * texts that replace them. As Hugging Face's tokenizers applies it: to each grapheme of up to 5 bytes as a whole if the
 * table knows a beginning of it, else to each of its characters.
 * @throws TokenizerError FILE
 */
export function readCharsmap(reader: JsonReader): Normalizer {
  const bytes = fromBase64(reader);
  if (bytes.length === 0) return (text) => text;
  const table = new Charsmap(reader, bytes);
  const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });
  return (text) => {
    let normalized = '';
    for (const { segment } of segmenter.segment(text)) {
      const whole = segment.length < 6 ? table.replacement(segment, 5) : null;
      if (whole !== null) normalized += whole;
      else for (const character of segment) normalized += table.replacement(character, 4) ?? character;
    }
    return normalized;
  };
}

function fromBase64(reader: JsonReader): Uint8Array {
  const text = reader.string('precompiled_charsmap', '');
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw badValue(`${reader.where}.precompiled_charsmap`, 'base64', text);
  }
}

class Charsmap {
  readonly #units: Uint32Array;
  readonly #texts: Uint8Array;

  constructor(reader: JsonReader, bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const size = bytes.length >= 4 ? view.getUint32(0, true) : -1;
    if (size < 4 || size % 4 !== 0 || 4 + size > bytes.length)
      throw badValue(`${reader.where}.precompiled_charsmap`, 'a table with its size', size);
    this.#units = Uint32Array.from({ length: size / 4 }, (_, index) => view.getUint32(4 + 4 * index, true));
    this.#texts = bytes.subarray(4 + size);
  }

  /** What replaces a text of at most `longest` bytes, by the shortest key with which it begins; null where none does. */
  replacement(text: string, longest: number): string | null {
    const key = utf8(text);
    if (key.length > longest) return null;
    const start = this.#find(key);
    if (start === null) return null;
    const end = this.#texts.indexOf(0, start);
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.#texts.subarray(start, end < 0 ? undefined : end));
  }

  /** A unit holds a label (low byte), whether a key ends here (bit 8) and where the next ones are (from bit 10, or bit 2 with bit 9 set). */
  #find(key: Uint8Array): number | null {
    const offset = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6);
    let at = offset(this.#units[0] ?? 0);
    for (const byte of key) {
      if (byte === 0) return null;
      at ^= byte;
      const unit = this.#units[at] ?? 0;
      if ((unit & 0x800000ff) >>> 0 !== byte) return null;
      at ^= offset(unit);
      if ((unit >>> 8) & 1) return (this.#units[at] ?? 0) & 0x7fffffff;
    }
    return null;
  }
}
