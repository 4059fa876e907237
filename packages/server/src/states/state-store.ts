import { decodeState, encodeState, type ModelBundle, type SavedState, savedBytes } from '@densessm/generate';
import { type Body, isObject } from '../fields';
import { sha256 } from './hash';

/** Where states are kept between two runs. Keys are made of lowercase letters, digits and hyphens; nothing of a request is in them. */
export interface StateFolder {
  read(key: string): Promise<Uint8Array | undefined>;
  write(key: string, bytes: Uint8Array): Promise<void>;
  remove(key: string): Promise<void>;
}

/** A state, and what belongs to it. */
export interface StoredState {
  readonly state: SavedState | undefined;
  readonly about: Body;
}

const DIGEST = 32;

/** States by key: the most recently used in memory, within a bound of bytes, and in a folder where there is one. */
export class StateStore {
  readonly #bundle: ModelBundle;
  readonly #maxBytes: number;
  readonly #folder: StateFolder | undefined;
  readonly #onError: (error: unknown) => void;
  /** The least recently used first. */
  readonly #entries = new Map<string, { readonly entry: StoredState; readonly bytes: number }>();
  #bytes = 0;

  constructor(bundle: ModelBundle, maxBytes: number, folder: StateFolder | undefined, onError: (error: unknown) => void) {
    this.#bundle = bundle;
    this.#maxBytes = maxBytes;
    this.#folder = folder;
    this.#onError = onError;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#entries.size;
  }

  get hasFolder(): boolean {
    return this.#folder !== undefined;
  }

  /** Whether the key is in memory. */
  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** What was kept; undefined where it is gone, damaged or of another model. */
  async get(key: string): Promise<StoredState | undefined> {
    const known = this.#entries.get(key);
    if (known) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known.entry;
    }
    const entry = await this.#fromFolder(key);
    if (entry) this.#remember(key, entry);
    return entry;
  }

  /** Keeps a state; returns the bytes written to the folder, 0 without one. */
  async set(key: string, entry: StoredState): Promise<number> {
    this.#remember(key, entry);
    if (!this.#folder) return 0;
    try {
      const bytes = await this.#encoded(entry);
      await this.#folder.write(key, bytes);
      return bytes.length;
    } catch (error) {
      this.#onError(error); // a full disk costs time, not an answer
      return 0;
    }
  }

  #remember(key: string, entry: StoredState): void {
    this.#forget(key);
    const bytes = 2 * JSON.stringify(entry.about).length + (entry.state ? savedBytes(entry.state) : 0);
    if (bytes > this.#maxBytes) return;
    this.#entries.set(key, { entry, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
  }

  async #fromFolder(key: string): Promise<StoredState | undefined> {
    try {
      const bytes = await this.#folder?.read(key);
      return bytes && (await this.#decoded(bytes));
    } catch (error) {
      this.#onError(error);
      await this.#folder?.remove(key).catch(this.#onError);
      return undefined;
    }
  }

  /** SHA-256 of the rest; length of the JSON; the JSON; the snapshot, if any. */
  async #encoded({ state, about }: StoredState): Promise<Uint8Array> {
    const json = new TextEncoder().encode(JSON.stringify(about));
    const snapshot = state ? await encodeState(this.#bundle, state) : new Uint8Array();
    const bytes = new Uint8Array(DIGEST + 4 + json.length + snapshot.length);
    new DataView(bytes.buffer).setUint32(DIGEST, json.length, true);
    bytes.set(json, DIGEST + 4);
    bytes.set(snapshot, DIGEST + 4 + json.length);
    bytes.set(await sha256(bytes.subarray(DIGEST)));
    return bytes;
  }

  async #decoded(bytes: Uint8Array): Promise<StoredState> {
    const digest = await sha256(bytes.subarray(DIGEST));
    if (bytes.length < DIGEST + 4 || digest.some((byte, i) => byte !== bytes[i]))
      throw new Error('a stored state was cut short or changed');
    const start = DIGEST + 4;
    const end = start + new DataView(bytes.buffer, bytes.byteOffset).getUint32(DIGEST, true);
    const about: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(start, end)));
    if (!isObject(about)) throw new Error('a stored state is not understood');
    return { about, state: end < bytes.length ? await decodeState(this.#bundle, bytes.slice(end)) : undefined };
  }
}
