import { badValue, type JsonReader } from '../json';
import { checkGrowth } from '../limits';
import { utf8 } from './byte-alphabet';

/**
 * SentencePiece's table of replacements (`precompiled_charsmap`): a double-array trie of UTF-8 keys (darts-clone) and the
 * texts that replace them. SentencePiece itself replaces the longest key at each place; Hugging Face's tokenizers looks at
 * graphemes instead, so that it drops an accent on a space. A tokenizer.json is read as the latter does, unless it bears
 * our mark `longest_match`, which Hugging Face's libraries pass over.
 * @throws TokenizerError FILE
 */
export function readCharsmap(reader: JsonReader): (text: string, limit: number) => string {
  const bytes = fromBase64(reader);
  if (bytes.length === 0) return (text) => text;
  const table = new Charsmap(reader, bytes);
  if (reader.boolean('longest_match', false)) return (text, limit) => joined(reader.where, table.replaceLongest(utf8(text)), limit);
  const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });
  return (text, limit) => joined(reader.where, graphemes(segmenter.segment(text), table), limit);
}

function* graphemes(segments: Intl.Segments, table: Charsmap): Generator<string> {
  for (const { segment } of segments) yield* byGrapheme(segment, table);
}

/** A file may replace a character by all its bytes: parts are counted as they come. */
function joined(where: string, parts: Iterable<string>, limit: number): string {
  const list: string[] = [];
  let length = 0;
  for (const part of parts) {
    length += part.length;
    checkGrowth(where, length, limit);
    list.push(part);
  }
  return list.join('');
}

/** A grapheme of up to 5 bytes becomes what replaces its beginning; of any other, each character by itself. */
function* byGrapheme(grapheme: string, table: Charsmap): Generator<string> {
  const bytes = utf8(grapheme);
  const whole = bytes.length < 6 ? table.find(bytes, 0, true) : null;
  for (const part of whole ? [whole] : grapheme) {
    const found = typeof part === 'string' ? table.find(utf8(part), 0, true) : part;
    yield found ? table.text(found.value) : String(part);
  }
}

function fromBase64(reader: JsonReader): Uint8Array {
  const text = reader.string('precompiled_charsmap', '');
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw badValue(`${reader.where}.precompiled_charsmap`, 'base64', text);
  }
}

interface Found {
  /** Where the key ends. */
  end: number;
  /** Where the text that replaces it begins. */
  value: number;
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

  /** A text with every key replaced, the longest one at each place. */
  *replaceLongest(bytes: Uint8Array): Generator<string> {
    let start = 0; // of what is kept as it is
    for (let at = 0; at < bytes.length; ) {
      const found = this.find(bytes, at, false);
      if (found) {
        yield decoder.decode(bytes.subarray(start, at));
        yield this.text(found.value);
        start = found.end;
      }
      at = found ? found.end : at + 1;
      while (((bytes[at] ?? 0) & 0xc0) === 0x80) at++; // to the next character
    }
    yield decoder.decode(bytes.subarray(start));
  }

  /** The shortest or longest key that stands at a place. */
  find(bytes: Uint8Array, start: number, shortest: boolean): Found | null {
    let found: Found | null = null;
    let node = offsetOf(this.#units[0] ?? 0);
    for (let at = start; at < bytes.length && bytes[at] !== 0; at++) {
      const byte = bytes[at] as number;
      node ^= byte;
      const unit = this.#units[node] ?? 0;
      if ((unit & 0x800000ff) >>> 0 !== byte) break;
      node ^= offsetOf(unit);
      if (((unit >>> 8) & 1) === 0) continue;
      found = { end: at + 1, value: (this.#units[node] ?? 0) & 0x7fffffff };
      if (shortest) break;
    }
    return found;
  }

  text(value: number): string {
    const end = this.#texts.indexOf(0, value);
    return decoder.decode(this.#texts.subarray(value, end < 0 ? undefined : end));
  }
}

const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { ignoreBOM: true });

/** A unit: its label in the low byte, bit 8 whether a key ends here, from bit 10 (or bit 2 with bit 9 set) where the next ones are. */
const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6);
