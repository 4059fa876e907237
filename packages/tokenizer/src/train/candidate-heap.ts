/** A pair that may be merged next. */
export interface Candidate {
  /** Left id times the size of the vocabulary, plus right id: pairs in lexicographic order. */
  key: number;
  /** How often the pair occurs, when this was written. */
  count: number;
  /** The words in which it was seen; it may be gone from some. */
  words: number[];
}

/** The most frequent pair first; of equally frequent ones the lexicographically smallest. */
export class CandidateHeap {
  readonly #items: Candidate[] = [];

  push(item: Candidate): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent] as Candidate;
      if (!isBefore(item, above)) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  pop(): Candidate | undefined {
    const items = this.#items;
    const [top] = items;
    const last = items.pop();
    if (last === undefined || items.length === 0) return top;
    let at = 0;
    for (let child = 1; child < items.length; child = 2 * at + 1) {
      if (child + 1 < items.length && isBefore(items[child + 1] as Candidate, items[child] as Candidate)) child++;
      const below = items[child] as Candidate;
      if (!isBefore(below, last)) break;
      items[at] = below;
      at = child;
    }
    items[at] = last;
    return top;
  }
}

const isBefore = (a: Candidate, b: Candidate): boolean => a.count > b.count || (a.count === b.count && a.key < b.key);
