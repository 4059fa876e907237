/**
 * The pairs of characters that stand next to each other inside some token. Between two that do not, no merge reaches
 * across: merging the parts one by one gives the same ids as merging the whole. So the words of a text are found, and
 * found again in the cache, although the file names no pre-tokenizer.
 */
export class Neighbors {
  readonly #mask: number;
  /** Pairs of UTF-16 units as one 32-bit number each, with open addressing. */
  readonly #pairs: Int32Array;

  constructor(tokens: readonly string[]) {
    const pairs = new Set<number>();
    for (const token of tokens) for (let i = 1; i < token.length; i++) pairs.add(pairOf(token.charCodeAt(i - 1), token.charCodeAt(i)));
    this.#mask = 2 ** Math.ceil(Math.log2(2 * pairs.size + 2)) - 1;
    this.#pairs = new Int32Array(this.#mask + 1).fill(FREE);
    for (const pair of pairs) this.#pairs[this.#slot(pair)] = pair;
  }

  /** The piece in parts between which no token reaches. */
  cut(piece: string): string[] {
    const parts: string[] = [];
    let start = 0;
    for (let i = 1; i < piece.length; i++) {
      const unit = piece.charCodeAt(i);
      if ((unit & 0xfc00) === 0xdc00 || this.#has(pairOf(piece.charCodeAt(i - 1), unit))) continue; // never inside a character
      parts.push(piece.slice(start, i));
      start = i;
    }
    parts.push(piece.slice(start));
    return parts;
  }

  #has(pair: number): boolean {
    return this.#pairs[this.#slot(pair)] === pair;
  }

  #slot(pair: number): number {
    let slot = Math.imul(pair, 0x9e3779b1);
    slot = (slot ^ (slot >>> 15)) & this.#mask;
    while (this.#pairs[slot] !== pair && this.#pairs[slot] !== FREE) slot = (slot + 1) & this.#mask;
    return slot;
  }
}

const pairOf = (left: number, right: number): number => (left << 16) | right;

/** A pair of U+FFFF, which are no characters; it counts as one that stands in a token, which is always safe. */
const FREE = -1;
