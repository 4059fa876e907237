import type { PairTable } from './pair-table';

/**
 * Byte pair encoding (Sennrich et al. 2016, arXiv:1508.07909): again and again the pair of neighbors with the smallest
 * rank joins, the leftmost one first. Works in place on the first `length` symbols and returns how many are left.
 * Short words by looking at all pairs each time, long ones with a heap: n log n whatever the text.
 */
export function mergeSymbols(symbols: Int32Array, length: number, table: PairTable): number {
  return length <= SHORT ? mergeShort(symbols, length, table) : mergeLong(symbols, length, table);
}

/** Up to here n²/2 looks at an array are quicker than the heap. */
const SHORT = 32;

/** Ranks of the pairs of a short word; one array for all calls. */
const shortRanks = /* @__PURE__ */ new Int32Array(SHORT);

function mergeShort(symbols: Int32Array, length: number, table: PairTable): number {
  for (let i = 0; i + 1 < length; i++) shortRanks[i] = rankAt(symbols, i, table);
  let left = length;
  for (;;) {
    let best = Infinity;
    let at = -1;
    for (let i = 0; i + 1 < left; i++) {
      const rank = shortRanks[i] as number;
      if (rank < 0 || rank >= best) continue;
      best = rank;
      at = i;
    }
    if (at < 0) return left;
    symbols[at] = table.made(best);
    left--;
    for (let i = at + 1; i < left; i++) {
      symbols[i] = symbols[i + 1] as number;
      shortRanks[i - 1] = shortRanks[i] as number;
    }
    if (at > 0) shortRanks[at - 1] = rankAt(symbols, at - 1, table);
    if (at + 1 < left) shortRanks[at] = rankAt(symbols, at, table);
  }
}

const rankAt = (symbols: Int32Array, at: number, table: PairTable): number => table.rank(symbols[at] as number, symbols[at + 1] as number);

/** Ranks and places as one number: a place is below 2^30 (the longest string), a rank below 2^23. */
const PLACES = 2 ** 30;

/**
 * Neighbors as a linked list, candidates in a heap by rank, then place. A candidate may have been overtaken by an
 * earlier merge; its pair then has another rank.
 */
function mergeLong(symbols: Int32Array, length: number, table: PairTable): number {
  const next = new Int32Array(length);
  const previous = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    next[i] = i + 1;
    previous[i] = i - 1;
  }
  const heap = new MinHeap(length);
  const linkedRank = (at: number): number => {
    const after = next[at] as number;
    return after < length ? table.rank(symbols[at] as number, symbols[after] as number) : -1;
  };
  const offer = (at: number): void => {
    const rank = linkedRank(at);
    if (rank >= 0) heap.push(rank * PLACES + at);
  };
  for (let i = 0; i + 1 < length; i++) offer(i);
  for (let key = heap.pop(); key >= 0; key = heap.pop()) {
    const rank = Math.floor(key / PLACES);
    const at = key - rank * PLACES;
    if (symbols[at] === GONE || linkedRank(at) !== rank) continue;
    const joined = next[at] as number;
    const after = next[joined] as number;
    symbols[at] = table.made(rank);
    symbols[joined] = GONE;
    next[at] = after;
    if (after < length) previous[after] = at;
    if ((previous[at] as number) >= 0) offer(previous[at] as number);
    offer(at);
  }
  let left = 0;
  for (let at = 0; at < length; at = next[at] as number) symbols[left++] = symbols[at] as number;
  return left;
}

const GONE = -1;

/** A binary heap of numbers from 0, smallest first. */
class MinHeap {
  #keys: Float64Array;
  #size = 0;

  constructor(capacity: number) {
    this.#keys = new Float64Array(capacity);
  }

  push(key: number): void {
    if (this.#size === this.#keys.length) {
      const larger = new Float64Array(2 * this.#size);
      larger.set(this.#keys);
      this.#keys = larger;
    }
    const keys = this.#keys;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = keys[parent] as number;
      if (above <= key) break;
      keys[at] = above;
      at = parent;
    }
    keys[at] = key;
  }

  /** The smallest key, taken out; -1 where there is none. */
  pop(): number {
    if (this.#size === 0) return -1;
    const keys = this.#keys;
    const top = keys[0] as number;
    const last = keys[--this.#size] as number;
    let at = 0;
    for (let child = 1; child < this.#size; child = 2 * at + 1) {
      if (child + 1 < this.#size && (keys[child + 1] as number) < (keys[child] as number)) child++;
      const below = keys[child] as number;
      if (below >= last) break;
      keys[at] = below;
      at = child;
    }
    if (this.#size > 0) keys[at] = last;
    return top;
  }
}
