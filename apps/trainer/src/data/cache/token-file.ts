import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { SsmError } from '@densessm/ssm-core/plain';
import type { TokenSource } from '@densessm/train';
import { dataError } from '../errors';
import {
  fileBytes,
  HEADER_BYTES,
  PAGE_BYTES,
  pagesOf,
  pagesOffset,
  readHeader,
  startsOffset,
  type TokenArray,
  type TokenHeader,
} from './format';

/** Pages that stay in memory: 4 MiB. */
const KEPT_PAGES = 64;
/** A file of at most so many pages (64 MiB) is checked whole when it is opened. */
const CHECKED_PAGES = 1024;

/** Tokens in a file, read page by page as they are asked for. */
export class TokenFile implements TokenSource {
  readonly #pages = new Map<number, Promise<TokenArray>>();

  private constructor(
    readonly path: string,
    readonly header: TokenHeader,
    readonly documentStarts: Float64Array,
    readonly crcs: Uint32Array,
    readonly file: FileHandle,
  ) {}

  /** Undefined where there is no file, or one that is of something else, of another version or damaged: it has to be made anew. */
  static async open(path: string, fingerprint: string): Promise<TokenFile | undefined> {
    const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw dataError(
        `${path} cannot be read.`,
        'a file of the cache that may be read',
        error.message,
        'check who may read it, or name another folder',
        error,
      );
    });
    if (!file) return undefined;
    const opened = await TokenFile.#read(path, file, fingerprint).catch(() => undefined);
    if (!opened) await file.close();
    return opened;
  }

  static async #read(path: string, file: FileHandle, fingerprint: string): Promise<TokenFile | undefined> {
    const header = readHeader(Buffer.from(await readExactly(file, 0, HEADER_BYTES)));
    if (header?.fingerprint !== fingerprint || (await file.stat()).size !== fileBytes(header)) return undefined;
    const starts = await readExactly(file, startsOffset(header), header.documents * 8);
    const pages = await readExactly(file, pagesOffset(header), pagesOf(header) * 4);
    if (crc32(starts) !== header.startsCrc || crc32(pages) !== header.pagesCrc) return undefined;
    const opened = new TokenFile(path, header, new Float64Array(starts.buffer), new Uint32Array(pages.buffer), file);
    if (pagesOf(header) <= CHECKED_PAGES) for (let page = 0; page < pagesOf(header); page++) await opened.#load(page);
    return opened;
  }

  get length(): number {
    return this.header.tokens;
  }

  get separator(): number | undefined {
    return this.header.separator ?? undefined;
  }

  /** @throws SsmError OPTION outside of the tokens, FILE where the file has been damaged */
  async read(start: number, count: number): Promise<Int32Array> {
    if (!(start >= 0 && count >= 0 && start + count <= this.length)) throw outside(start, count, this.length);
    const perPage = PAGE_BYTES / this.header.bytesPerToken;
    const out = new Int32Array(count);
    for (let done = 0; done < count; ) {
      const page = Math.floor((start + done) / perPage);
      const first = start + done - page * perPage;
      const part = (await this.#page(page)).subarray(first, first + count - done);
      out.set(part, done);
      done += part.length;
    }
    return out;
  }

  close(): Promise<void> {
    return this.file.close();
  }

  /** The page that was not used for longest makes room. */
  #page(page: number): Promise<TokenArray> {
    const kept = this.#pages.get(page) ?? this.#load(page);
    this.#pages.delete(page);
    this.#pages.set(page, kept);
    const [oldest] = this.#pages.keys();
    if (this.#pages.size > KEPT_PAGES && oldest !== undefined) this.#pages.delete(oldest);
    return kept;
  }

  async #load(page: number): Promise<TokenArray> {
    const { tokens, bytesPerToken } = this.header;
    const from = page * PAGE_BYTES;
    const bytes = await readExactly(this.file, HEADER_BYTES + from, Math.min(PAGE_BYTES, tokens * bytesPerToken - from));
    if (crc32(bytes) !== this.crcs[page]) {
      const got = `other bytes from ${HEADER_BYTES + from} on`;
      throw dataError(
        `${this.path} is damaged.`,
        'the tokens as they were written',
        got,
        'delete the file; it is made again from the data',
      );
    }
    return bytesPerToken === 2 ? new Uint16Array(bytes.buffer) : new Uint32Array(bytes.buffer);
  }
}

async function readExactly(file: FileHandle, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await file.read(bytes, filled, Math.min(2 ** 30, length - filled), offset + filled);
    if (bytesRead === 0)
      throw dataError('a file of tokens has been cut.', `${length} bytes at ${offset}`, `${filled}`, 'delete it; it is made again');
    filled += bytesRead;
  }
  return bytes;
}

const outside = (start: number, count: number, length: number): SsmError =>
  new SsmError({
    code: 'OPTION',
    what: 'the range lies outside the tokens.',
    expected: `positions from 0 to ${length}`,
    got: `${count} from ${start}`,
    fix: 'read inside the source',
  });
