import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { bytesOf, HEADER_BYTES, headerBytes, PAGE_BYTES, type TokenArray, type TokenHeader } from './format';
import { GrowingNumbers } from './growing';

type Facts = Pick<TokenHeader, 'fingerprint' | 'separator' | 'vocabSize' | 'characters' | 'skippedLines'>;

/** Writes a file of tokens under a temporary name; it gets its own when it is whole. */
export class TokenWriter {
  readonly #page: TokenArray;
  #filled = 0;
  #pages: number[] = [];
  readonly #starts = new GrowingNumbers();
  #closed = false;

  private constructor(
    readonly path: string,
    readonly temporary: string,
    readonly file: FileHandle,
    readonly vocabSize: number,
  ) {
    const tokens = PAGE_BYTES / (vocabSize <= 65_536 ? 2 : 4);
    this.#page = vocabSize <= 65_536 ? new Uint16Array(tokens) : new Uint32Array(tokens);
  }

  static async create(path: string, vocabSize: number): Promise<TokenWriter> {
    await mkdir(dirname(path), { recursive: true });
    await removeLeftOvers(path);
    const temporary = `${path}.${process.pid}.${randomUUID()}.tmp`;
    const file = await open(temporary, 'wx');
    await file.write(new Uint8Array(HEADER_BYTES));
    return new TokenWriter(path, temporary, file, vocabSize);
  }

  get tokens(): number {
    return this.#pages.length * this.#page.length + this.#filled;
  }

  startDocument(): void {
    this.#starts.push(this.tokens);
  }

  async write(ids: ArrayLike<number>): Promise<void> {
    const page = this.#page;
    for (let i = 0; i < ids.length; ) {
      const filled = this.#filled;
      const count = Math.min(ids.length - i, page.length - filled);
      for (let k = 0; k < count; k++) page[filled + k] = ids[i + k] as number;
      this.#filled += count;
      i += count;
      if (this.#filled === page.length) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    const bytes = bytesOf(this.#page.subarray(0, this.#filled));
    this.#pages.push(crc32(bytes));
    await this.file.writeFile(bytes);
    this.#filled = 0;
  }

  /** Completes the file and gives it its name. */
  async finish(facts: Facts): Promise<void> {
    const tokens = this.tokens;
    if (this.#filled > 0) await this.#flush();
    const [starts, pages] = [bytesOf(this.#starts.values()), bytesOf(Uint32Array.from(this.#pages))];
    await this.file.writeFile(starts);
    await this.file.writeFile(pages);
    const bytesPerToken = this.#page.BYTES_PER_ELEMENT as 2 | 4;
    const header = headerBytes({
      ...facts,
      bytesPerToken,
      tokens,
      documents: this.#starts.length,
      startsCrc: crc32(starts),
      pagesCrc: crc32(pages),
    });
    await this.file.write(header, 0, header.length, 0);
    await this.file.sync();
    await this.#close();
    await rename(this.temporary, this.path);
  }

  /** Ends without a file. */
  async discard(): Promise<void> {
    await this.#close();
    await rm(this.temporary, { force: true });
  }

  async #close(): Promise<void> {
    if (!this.#closed) await this.file.close();
    this.#closed = true;
  }
}

/** Files that processes of this machine left behind when they were killed. */
async function removeLeftOvers(path: string): Promise<void> {
  for (const name of await readdir(dirname(path))) {
    const pid = name.startsWith(`${basename(path)}.`) && /\.(\d+)\.[\w-]+\.tmp$/.exec(name)?.[1];
    if (pid && !isAlive(Number(pid))) await rm(join(dirname(path), name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // asks only
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
