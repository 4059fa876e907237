/** What may be shown of a text so far. */
export interface Released {
  readonly text: string;
  /** Whether a stop string has come: the text before it is all that there will be. */
  readonly stopped: boolean;
}

/**
 * Holds back whatever could begin a stop string, so that nothing of one is ever shown, also where it spans tokens. The stop
 * string that is complete first counts, of several that end together the longest: how the text comes in pieces makes no difference.
 */
export class StopStrings {
  readonly #stops: readonly string[];
  #held = '';
  #stopped = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** Takes more text and returns what has become certain. */
  push(text: string): Released {
    if (this.#stopped) return { text: '', stopped: true };
    const all = this.#held + text;
    const cut = this.#firstMatch(all);
    this.#stopped = cut !== undefined;
    const certain = cut ?? all.length - this.#longestBeginning(all);
    this.#held = this.#stopped ? '' : all.slice(certain);
    return { text: all.slice(0, certain), stopped: this.#stopped };
  }

  /** What was held back, since no more text comes. */
  end(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }

  /** Where the stop string begins that ends first. */
  #firstMatch(text: string): number | undefined {
    let first: { start: number; end: number } | undefined;
    for (const stop of this.#stops) {
      const start = text.indexOf(stop);
      if (start < 0) continue;
      const end = start + stop.length;
      if (!first || end < first.end || (end === first.end && start < first.start)) first = { start, end };
    }
    return first?.start;
  }

  /** Length of the longest end of the text that begins a stop string. */
  #longestBeginning(text: string): number {
    const longest = Math.min(text.length, Math.max(0, ...this.#stops.map(({ length }) => length - 1)));
    for (let length = longest; length > 0; length--) {
      const end = text.slice(-length);
      if (this.#stops.some((stop) => stop.startsWith(end))) return length;
    }
    return 0;
  }
}
