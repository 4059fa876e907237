import type { PrefixCache, SavedState } from '@densessm/generate';
import { hashOfTokens } from './hash';
import type { StateStore } from './state-store';

/** States at the borders of messages, by a hash of all tokens before. */
export class StoredPrefixes implements PrefixCache {
  readonly #store: StateStore;

  constructor(store: StateStore) {
    this.#store = store;
  }

  async find(prompt: readonly number[], places: readonly number[]): Promise<{ place: number; state: SavedState } | undefined> {
    for (const place of [...places].reverse()) {
      const found = await this.#store.get(await keyOf(prompt.slice(0, place)));
      if (found?.state && found.state.history.count === place) return { place, state: found.state };
    }
    return undefined;
  }

  async keep(prefix: readonly number[], state: SavedState): Promise<void> {
    const key = await keyOf(prefix);
    if (!this.#store.has(key)) await this.#store.set(key, { state, about: {} });
  }
}

const keyOf = async (prefix: readonly number[]): Promise<string> => `prefix-${await hashOfTokens(prefix)}`;
