/**
 * The merges of a BPE model: which two ids join, in which order of preference, into which id. A hash table with open
 * addressing on flat arrays, since a lookup per pair of neighbors is what encoding costs.
 */
export class PairTable {
  /** Lookups so far: the measure of work in tests. */
  lookups = 0;
  readonly #mask: number;
  readonly #left: Int32Array;
  readonly #right: Int32Array;
  readonly #rank: Int32Array;
  /** The id that the merge of each rank makes. */
  readonly #made: Int32Array;

  /** `merges`: left id, right id, made id, one merge after the other; of two merges of one pair the later one counts. */
  constructor(merges: Int32Array) {
    const count = merges.length / 3;
    const size = 2 ** Math.ceil(Math.log2(2 * count + 2));
    this.#mask = size - 1;
    this.#left = new Int32Array(size).fill(-1);
    this.#right = new Int32Array(size);
    this.#rank = new Int32Array(size);
    this.#made = new Int32Array(count);
    for (let rank = 0; rank < count; rank++) {
      const left = merges[3 * rank] as number;
      const right = merges[3 * rank + 1] as number;
      const slot = this.#slot(left, right);
      this.#left[slot] = left;
      this.#right[slot] = right;
      this.#rank[slot] = rank;
      this.#made[rank] = merges[3 * rank + 2] as number;
    }
  }

  /** The rank of a pair, smaller first; -1 where the two do not join. */
  rank(left: number, right: number): number {
    this.lookups++;
    const slot = this.#slot(left, right);
    return this.#left[slot] === -1 ? -1 : (this.#rank[slot] as number);
  }

  made(rank: number): number {
    return this.#made[rank] as number;
  }

  /** The place of a pair, or the free place where it would go. */
  #slot(left: number, right: number): number {
    let slot = (Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca77)) >>> 0;
    slot = (slot ^ (slot >>> 15)) & this.#mask;
    while (this.#left[slot] !== -1 && (this.#left[slot] !== left || this.#right[slot] !== right)) slot = (slot + 1) & this.#mask;
    return slot;
  }
}
