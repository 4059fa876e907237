import { mulberry32 } from '@densessm/ssm-core/internal';

/** Everything random in a story, from one seed. */
export class Draw {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = mulberry32(seed);
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.#next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.between(0, list.length - 1)] as T;
  }

  /** Different ones of a list, in random order. */
  some<T>(list: readonly T[], count: number): T[] {
    const mixed = [...list];
    const wanted = Math.min(count, mixed.length);
    for (let i = 0; i < wanted; i++) {
      const j = this.between(i, mixed.length - 1);
      [mixed[i], mixed[j]] = [mixed[j] as T, mixed[i] as T];
    }
    mixed.length = wanted;
    return mixed;
  }
}
