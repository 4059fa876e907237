import { ABOUT, type AboutFile, KEPT, readAbout } from './kept-models';
import { SiteFolder } from './storage/site-folder';

/** The name of our part of Cache Storage. */
const CACHE = 'densessm';

/** What the server said of a file when its pieces were fetched. */
export interface Version {
  readonly size: number;
  /** ETag and date. */
  readonly mark: string;
}

/** Which file the pieces are of. */
export interface PieceOwner {
  readonly url: string;
  /** The model that it belongs to. */
  readonly source: string;
  readonly name: string;
}

/** Where pieces are kept for the next visit. `write` throws where there is no room. */
interface Shelf {
  version(): Promise<Version | undefined>;
  clear(): Promise<void>;
  remember(version: Version): Promise<void>;
  /** 'damaged' where it is no longer what was written. */
  read(piece: number, version: Version): Promise<Blob | 'damaged' | undefined>;
  write(piece: number, bytes: Blob, version: Version): Promise<void>;
}

export interface KeepOptions {
  readonly isKept: boolean;
  /** Hears a sentence for people where there is no room, or a kept piece is damaged. */
  readonly onNotice?: (message: string) => void;
}

/**
 * The pieces of one file that have come: for the next visit in the site's own folder with the hash of each, in Cache Storage where there is no such
 * folder; in memory where there is neither (a page without https, a private window) or no room in it.
 */
export class KeptPieces {
  readonly #shelf: Shelf | undefined;
  readonly #owner: PieceOwner;
  readonly #options: KeepOptions;
  readonly #inMemory = new Map<number, Blob>();
  #version: Version | undefined;

  private constructor(shelf: Shelf | undefined, owner: PieceOwner, options: KeepOptions) {
    this.#shelf = shelf;
    this.#owner = owner;
    this.#options = options;
  }

  static async of(owner: PieceOwner, options: KeepOptions): Promise<KeptPieces> {
    const shelf = options.isKept ? ((await folderShelf(owner)) ?? (await cacheShelf(owner.url))) : undefined;
    const pieces = new KeptPieces(shelf, owner, options);
    pieces.#version = await shelf?.version();
    return pieces;
  }

  /** Of which version they are; undefined where there are none. */
  get version(): Version | undefined {
    return this.#version;
  }

  /** Forgets the pieces of another version. */
  async begin(version: Version): Promise<void> {
    await this.#shelf?.clear();
    this.#version = version;
  }

  /** Lets the next visit know of the pieces, unless some have no room there. */
  async remember(): Promise<void> {
    if (this.#inMemory.size === 0 && this.#version) await this.#shelf?.remember(this.#version).catch((error) => this.#tell(error));
  }

  async get(piece: number): Promise<Blob | undefined> {
    const held = this.#inMemory.get(piece);
    if (held || !this.#version) return held;
    const kept = await this.#shelf?.read(piece, this.#version);
    if (kept !== 'damaged') return kept;
    this.#options.onNotice?.(`A part of ${this.#owner.name} that this browser kept is damaged, and comes again.`);
    return undefined;
  }

  async put(piece: number, bytes: Blob): Promise<void> {
    try {
      if (!this.#shelf || !this.#version) throw new Error('nothing is kept');
      await this.#shelf.write(piece, bytes, this.#version);
    } catch (error) {
      this.#tell(error);
      this.#inMemory.set(piece, bytes);
    }
  }

  close(): void {
    this.#inMemory.clear();
  }

  /** The first time that there is no room. */
  #tell(error: unknown): void {
    if (!this.#shelf || this.#inMemory.size > 0) return;
    const why = error instanceof Error ? error.name : String(error);
    const words = `This browser has no room to keep ${this.#owner.name} (${why}): it is used now and has to come again at the next visit.`;
    this.#options.onNotice?.(`${words} Delete kept models, or free space on this device.`);
  }
}

/** One file per piece, whose name holds the hash of its bytes. */
async function folderShelf(owner: PieceOwner): Promise<Shelf | undefined> {
  const kept = await SiteFolder.open(KEPT);
  if (!kept) return undefined;
  const key = (await sha256(new TextEncoder().encode(owner.url))).slice(0, 40);
  const ofPiece = async (folder: SiteFolder, piece: number): Promise<string | undefined> =>
    (await folder.files()).find(({ name }) => name.startsWith(`${piece}-`))?.name;
  return {
    version: async () => readAbout(await kept.folder(key)),
    clear: () => kept.remove(key),
    remember: async (version) => {
      const about: AboutFile = { ...owner, ...version };
      await (await kept.folder(key)).write(ABOUT, new Blob([JSON.stringify(about)]));
    },
    read: async (piece) => {
      const folder = await kept.folder(key);
      const name = await ofPiece(folder, piece);
      const bytes = name === undefined ? undefined : await folder.read(name);
      if (name === undefined || bytes === undefined) return undefined;
      const isWhole = name === `${piece}-${await sha256(await bytes.arrayBuffer())}`;
      if (isWhole) return bytes;
      await folder.remove(name);
      return 'damaged';
    },
    write: async (piece, bytes) => {
      const folder = await kept.folder(key);
      const old = await ofPiece(folder, piece);
      if (old !== undefined) await folder.remove(old);
      await folder.write(`${piece}-${await sha256(await bytes.arrayBuffer())}`, bytes);
    },
  };
}

async function sha256(bytes: BufferSource): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function cacheShelf(url: string): Promise<Shelf | undefined> {
  const cache = await globalThis.caches?.open(CACHE).catch(() => undefined);
  if (!cache) return undefined;
  const key = (piece: number, { size, mark }: Version): string =>
    `${url}?${new URLSearchParams({ piece: `${piece}`, of: `${size} ${mark}` })}`;
  return {
    version: async () => (await cache.match(url))?.json(),
    clear: async () => void (await cache.delete(url, { ignoreSearch: true })),
    remember: (version) => cache.put(url, new Response(new Blob([JSON.stringify(version)]))),
    read: async (piece, version) => (await cache.match(key(piece, version)))?.blob(),
    write: (piece, bytes, version) => cache.put(key(piece, version), new Response(bytes)),
  };
}
