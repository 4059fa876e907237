import { type SavedState, savedBytes } from './saved-state';
import type { PrefixCache } from './scheduler-options';

/** States at the borders of prompts, in memory: within a bound of bytes, the least recently used go first. */
export class PrefixStates implements PrefixCache {
  readonly #maxBytes: number;
  /** The least recently used first; keys are the tokens themselves. */
  readonly #entries = new Map<string, SavedState>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async find(prompt: readonly number[], places: readonly number[]): Promise<{ place: number; state: SavedState } | undefined> {
    for (const place of [...places].reverse()) {
      const key = keyOf(prompt.slice(0, place));
      const state = this.#entries.get(key);
      if (!state) continue;
      this.#entries.delete(key);
      this.#entries.set(key, state);
      return { place, state };
    }
    return undefined;
  }

  async keep(prefix: readonly number[], state: SavedState): Promise<void> {
    const key = keyOf(prefix);
    const bytes = sizeOf(key, state);
    if (this.#entries.has(key) || bytes > this.#maxBytes) return;
    this.#entries.set(key, state);
    this.#bytes += bytes;
    for (const [oldest, held] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#entries.delete(oldest);
      this.#bytes -= sizeOf(oldest, held);
    }
  }
}

const keyOf = (prefix: readonly number[]): string => prefix.join();
const sizeOf = (key: string, state: SavedState): number => key.length + savedBytes(state);
