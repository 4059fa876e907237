/** The name of our part of Cache Storage. */
const CACHE = 'densessm';

/** What the server said of a file when its pieces were fetched. */
export interface Version {
  readonly size: number;
  /** ETag and date. */
  readonly mark: string;
}

/**
 * The pieces of one file that have come: in Cache Storage for the next visit, in memory where there is none (a page without https, a
 * private window) or no room in it.
 */
export class KeptPieces {
  readonly #cache: Cache | undefined;
  readonly #url: string;
  readonly #inMemory = new Map<number, Blob>();
  #version: Version | undefined;

  private constructor(cache: Cache | undefined, url: string) {
    this.#cache = cache;
    this.#url = url;
  }

  static async of(url: string, isKept: boolean): Promise<KeptPieces> {
    const cache = isKept ? await globalThis.caches?.open(CACHE).catch(() => undefined) : undefined;
    const pieces = new KeptPieces(cache, url);
    pieces.#version = await (await cache?.match(url))?.json();
    return pieces;
  }

  /** Of which version they are; undefined where there are none. */
  get version(): Version | undefined {
    return this.#version;
  }

  /** Forgets the pieces of another version. */
  async begin(version: Version): Promise<void> {
    await this.#cache?.delete(this.#url, { ignoreSearch: true });
    this.#version = version;
  }

  /** Lets the next visit know of the pieces, unless some have no room there. */
  async remember(): Promise<void> {
    if (this.#inMemory.size === 0) await this.#put(this.#url, new Blob([JSON.stringify(this.#version)]));
  }

  async get(piece: number): Promise<Blob | undefined> {
    return this.#inMemory.get(piece) ?? (await this.#cache?.match(this.#key(piece)))?.blob();
  }

  async put(piece: number, bytes: Blob): Promise<void> {
    if (!(await this.#put(this.#key(piece), bytes))) this.#inMemory.set(piece, bytes);
  }

  close(): void {
    this.#inMemory.clear();
  }

  async #put(key: string, bytes: Blob): Promise<boolean> {
    if (!this.#cache) return false;
    return this.#cache.put(key, new Response(bytes)).then(
      () => true,
      () => false, // no room
    );
  }

  #key(piece: number): string {
    const { size, mark } = this.#version ?? { size: 0, mark: '' };
    return `${this.#url}?${new URLSearchParams({ piece: `${piece}`, of: `${size} ${mark}` })}`;
  }
}
