/** All different words of the training texts as ids, in one array, and how often each occurs. */
export interface Words {
  symbols: Int32Array;
  /** Where each word begins in `symbols`. */
  starts: Int32Array;
  /** How many symbols each word still has. */
  lengths: Int32Array;
  counts: Float64Array;
}

/** Words with one symbol for each of their bytes. */
export function wordsOf(counted: ReadonlyMap<string, number>, bytesOf: (word: string) => Uint8Array, byteIds: Int32Array): Words {
  const bytes = [...counted.keys()].map(bytesOf);
  const starts = new Int32Array(bytes.length);
  let size = 0;
  bytes.forEach((word, index) => {
    starts[index] = size;
    size += word.length;
  });
  const symbols = new Int32Array(size);
  bytes.forEach((word, index) => {
    word.forEach((byte, at) => {
      symbols[(starts[index] as number) + at] = byteIds[byte] as number;
    });
  });
  return { symbols, starts, lengths: Int32Array.from(bytes, ({ length }) => length), counts: Float64Array.from(counted.values()) };
}

/** Told of every pair that a merge makes (+) or breaks (−) in a word: its two ids and how much more often it occurs now. */
export type PairChange = (left: number, right: number, change: number) => void;

/**
 * Joins a pair everywhere in one word, from left to right: in "aaa" the pair (a, a) occurs twice and joins once. Told are
 * the changes of the pairs around it.
 */
export function mergeInWord(words: Words, word: number, left: number, right: number, made: number, tell: PairChange): void {
  const { symbols } = words;
  const start = words.starts[word] as number;
  const end = start + (words.lengths[word] as number);
  const count = words.counts[word] as number;
  let to = start;
  for (let from = start; from < end; from++) {
    const symbol = symbols[from] as number;
    if (symbol !== left || from + 1 >= end || symbols[from + 1] !== right) {
      symbols[to++] = symbol;
      continue;
    }
    if (to > start) {
      const before = symbols[to - 1] as number;
      tell(before, left, -count);
      tell(before, made, count);
    }
    from++;
    if (from + 1 < end) {
      const after = symbols[from + 1] as number;
      tell(right, after, -count);
      tell(made, after, count);
    }
    symbols[to++] = made;
  }
  words.lengths[word] = to - start;
}
