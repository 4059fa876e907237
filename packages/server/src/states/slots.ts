import type { SavedState } from '@densessm/generate';
import { ApiError } from '../errors';
import { hashOfText, hashOfTokens } from './hash';
import type { StateStore } from './state-store';

/** What a slot holds: the state after a text, and which text that was. */
interface Held {
  readonly hash: string;
  readonly state: SavedState;
}

/** Numbered places for the state after a request that names one (`id_slot`); the next request there continues it where its prompt begins with the same tokens. */
export class Slots {
  readonly #store: StateStore;
  readonly #held: (Held | undefined)[];

  constructor(store: StateStore, count: number) {
    this.#store = store;
    this.#held = Array.from({ length: count }, () => undefined);
  }

  list(): { id: number; n_past: number; is_held: boolean }[] {
    return this.#held.map((held, id) => ({ id, n_past: held?.state.history.count ?? 0, is_held: held !== undefined }));
  }

  /** @throws ApiError 400 */
  checked(id: number): number {
    if (Number.isInteger(id) && id >= 0 && id < this.#held.length) return id;
    throw new ApiError(400, `There are the slots 0 to ${this.#held.length - 1}.`, { param: 'id_slot' });
  }

  /** The state of the slot, where the prompt continues from it. */
  async beginning(id: number, prompt: readonly number[]): Promise<SavedState | undefined> {
    const held = this.#held[this.checked(id)];
    const count = held?.state.history.count ?? 0;
    if (!held || count >= prompt.length || (await hashOfTokens(prompt.slice(0, count))) !== held.hash) return undefined;
    return held.state;
  }

  async hold(id: number, tokens: readonly number[], state: SavedState): Promise<void> {
    this.#held[id] = { hash: await hashOfTokens(tokens), state };
  }

  /** Tokens of the state, and bytes written. @throws ApiError 404 for an empty slot, 501 without a folder */
  async save(id: number, name: string): Promise<{ tokens: number; bytes: number }> {
    const held = this.#held[this.checked(id)];
    this.#requireFolder();
    if (!held) throw new ApiError(404, `Slot ${id} is empty.`, { param: 'id_slot' });
    const bytes = await this.#store.set(await keyOf(name), { state: held.state, about: { hash: held.hash } });
    if (bytes === 0) throw new ApiError(500, 'The state could not be saved.', { type: 'server_error' });
    return { tokens: held.state.history.count, bytes };
  }

  /** Tokens of the state. @throws ApiError 404 where nothing was saved under the name, 501 without a folder */
  async restore(id: number, name: string): Promise<number> {
    this.checked(id);
    this.#requireFolder();
    const found = await this.#store.get(await keyOf(name));
    if (!found?.state || typeof found.about.hash !== 'string')
      throw new ApiError(404, 'Nothing was saved under this name.', { param: 'filename' });
    this.#held[id] = { hash: found.about.hash, state: found.state };
    return found.state.history.count;
  }

  /** Tokens of the state that the slot held. @throws ApiError 400 */
  erase(id: number): number {
    const count = this.#held[this.checked(id)]?.state.history.count ?? 0;
    this.#held[id] = undefined;
    return count;
  }

  #requireFolder(): void {
    if (!this.#store.hasFolder) throw new ApiError(501, 'This server keeps no states on disk.', { type: 'not_supported_error' });
  }
}

const keyOf = async (name: string): Promise<string> => `slot-${await hashOfText(name)}`;
