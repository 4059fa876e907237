import { byteToken, utf8 } from '../encode/byte-alphabet';
import { shown, TokenizerError } from '../errors';

/** What a BPE model says about the symbols with which a word begins. */
export interface AlphabetChoices {
  /** The token of a character that is not in the vocabulary; without one the reference drops the character. */
  unknown: string | null;
  /** Unknown characters that follow each other make one unknown token. */
  fusesUnknown: boolean;
  /** An unknown character becomes the tokens of its UTF-8 bytes, `<0xE2>` and so on. */
  byteFallback: boolean;
  /** Written before every character of a word but the first. */
  prefix: string;
  /** Written after the last character of a word. */
  suffix: string;
  /** A character that would be dropped is an error. */
  strict: boolean;
}

/** The first symbols of a piece: one for each character, before any merge. */
export class Alphabet {
  /** A character has its symbol whatever its neighbors are: none is fused, and none dropped so that its neighbors meet. */
  readonly isLocal: boolean;
  readonly #vocab: ReadonlyMap<string, number>;
  readonly #choices: AlphabetChoices;
  readonly #decorated: boolean;
  /** Ids of the bytes; null where some byte has no token, or none is wanted. */
  readonly #bytes: readonly number[] | null;
  /** Ids of the UTF-16 units that are characters: -1 for none, -2 where nobody has asked yet. */
  readonly #units = new Int32Array(2 ** 16).fill(-2);

  constructor(vocab: ReadonlyMap<string, number>, choices: AlphabetChoices) {
    const bytes = Array.from({ length: 256 }, (_, byte) => vocab.get(byteToken(byte)) ?? -1);
    this.#vocab = vocab;
    this.#choices = choices;
    this.#bytes = choices.byteFallback && bytes.every((id) => id >= 0) ? bytes : null;
    this.#decorated = choices.prefix !== '' || choices.suffix !== '';
    this.isLocal = !this.#decorated && (this.#bytes !== null || (choices.unknown !== null && !choices.fusesUnknown));
  }

  /** Whether the symbols of unknown characters are parts of merges: then a merge can reach over characters that no token shows. */
  mayMergeUnknown(parts: ReadonlySet<string>): boolean {
    const { unknown } = this.#choices;
    return (unknown !== null && parts.has(unknown)) || (this.#bytes?.some((_, byte) => parts.has(byteToken(byte))) ?? false);
  }

  /** As many symbols as a piece can have: one for each character, or one for each of its bytes, of which a unit has at most three. */
  roomFor(piece: string): number {
    const { prefix, suffix } = this.#choices;
    return this.#bytes ? 3 * (piece.length * (1 + prefix.length) + suffix.length) : piece.length;
  }

  /**
   * Writes the symbols of a piece and returns how many.
   * @throws TokenizerError TOKENS
   */
  symbolsOf(piece: string, symbols: Int32Array): number {
    let length = 0;
    let afterUnknown = false;
    for (let at = 0, end = 0; at < piece.length; at = end) {
      const unit = piece.charCodeAt(at);
      end = at + (unit >= 0xd800 && unit < 0xdc00 ? 2 : 1);
      const id = end - at === 1 && !this.#decorated ? this.#unitId(unit) : (this.#vocab.get(this.#name(piece, at, end)) ?? -1);
      if (id >= 0) symbols[length++] = id;
      else if (this.#bytes) for (const byte of utf8(this.#name(piece, at, end))) symbols[length++] = this.#bytes[byte] as number;
      else if (!afterUnknown || !this.#choices.fusesUnknown) {
        const unknown = this.#unknownId(piece.slice(at, end));
        if (unknown >= 0) symbols[length++] = unknown;
      }
      afterUnknown = id < 0;
    }
    return length;
  }

  #name(piece: string, at: number, end: number): string {
    const { prefix, suffix } = this.#choices;
    return (at > 0 ? prefix : '') + piece.slice(at, end) + (end === piece.length ? suffix : '');
  }

  #unitId(unit: number): number {
    const known = this.#units[unit] as number;
    if (known !== -2) return known;
    const id = this.#vocab.get(String.fromCharCode(unit)) ?? -1;
    this.#units[unit] = id;
    return id;
  }

  #unknownId(character: string): number {
    const { unknown, strict } = this.#choices;
    if (unknown === null && !strict) return -1;
    const id = unknown === null ? undefined : this.#vocab.get(unknown);
    if (id !== undefined) return id;
    throw new TokenizerError({
      code: 'TOKENS',
      what: `encode: the character ${shown(character)} is not in the vocabulary, which has ${unknown === null ? 'no token for unknown ones' : `no token ${unknown}`}.`,
      expected: 'characters of the vocabulary',
      got: shown(character),
      fix: 'make the tokenizer from text that has all characters, or give it a token for unknown ones',
    });
  }
}
