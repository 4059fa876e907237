/** Text that has no file yet gets one, so that it can be read more than once: the standard input, and stories. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { dataError } from '../errors';
import { STDIN } from '../reading/piece';
import { DOCUMENT_BORDER } from '../reading/plain-text';
import { HELD_OUT_SHARE, storyCorpus } from '../stories/corpus';
import type { DataFile } from './data-file';

const GZIP_MAGIC = [0x1f, 0x8b];
/** Characters of the default corpus, and the share of it that is made anew to be held out. */
const STORY_CHARACTERS = 5_000_000;

/**
 * The standard input as a file of the cache, named after its content. What begins with gzip's mark is packed, what begins
 * with a JSON object is JSON lines, all else is plain text.
 * @throws SsmError FILE where it is empty or the cache cannot be written
 */
export async function stdinFile(stdin: AsyncIterable<Uint8Array | string>, cacheDir: string, signal?: AbortSignal): Promise<DataFile> {
  const hash = createHash('sha256');
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of stdin) {
      signal?.throwIfAborted();
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      hash.update(bytes);
      yield bytes;
    }
  }
  const path = await spool(cacheDir, hashed(), () => `stdin-${hash.digest('hex').slice(0, 24)}`);
  const { size } = await stat(path);
  if (size === 0) throw dataError(`${STDIN} is empty.`, 'text', '0 bytes', 'check what is piped into the command');
  const head = await firstBytes(path, 256);
  const isGzipped = GZIP_MAGIC.every((byte, i) => head[i] === byte);
  const format = /^\s*\{\s*"/.test(head.toString('latin1')) ? 'jsonl' : 'text';
  return { name: STDIN, path, format, isGzipped, sizeBytes: size, stamp: path };
}

export interface StoryPart {
  readonly part: 'train' | 'heldOut';
  /** Of the training part. */
  readonly characters?: number;
}

/** The default corpus as a file of the cache, made once. Its name changes with the stories. */
export async function storyFile(which: StoryPart, cacheDir: string, signal?: AbortSignal): Promise<DataFile> {
  const { part, characters: ofTrain = STORY_CHARACTERS } = which;
  const characters = part === 'train' ? ofTrain : Math.ceil(ofTrain * HELD_OUT_SHARE);
  const sample = [...storyCorpus({ characters: 20_000, part })].join('');
  const mark = createHash('sha256').update(`${characters} ${sample}`).digest('hex').slice(0, 12);
  const path = join(cacheDir, `stories-${part}-${mark}.txt`);
  async function* text(): AsyncGenerator<Uint8Array> {
    for (const story of storyCorpus({ characters, part })) {
      signal?.throwIfAborted();
      yield Buffer.from(`${story}\n${DOCUMENT_BORDER}\n`);
    }
  }
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (!isThere) await spool(cacheDir, text(), () => path.slice(cacheDir.length + 1));
  const name = part === 'train' ? 'stories' : 'stories (held out)';
  return { name, path, format: 'text', isGzipped: false, sizeBytes: (await stat(path)).size, stamp: mark };
}

const WRITE_BYTES = 2 ** 20;

/** Writes bytes under a name that is known when they have come. */
async function spool(folder: string, bytes: AsyncIterable<Uint8Array>, name: () => string): Promise<string> {
  const temporary = join(folder, `${randomUUID()}.tmp`);
  try {
    await mkdir(folder, { recursive: true });
    const file = await open(temporary, 'wx');
    try {
      let waiting: Uint8Array[] = [];
      let size = 0;
      const flush = async (): Promise<void> => {
        await file.writeFile(Buffer.concat(waiting));
        [waiting, size] = [[], 0];
      };
      for await (const chunk of bytes) {
        waiting.push(chunk);
        size += chunk.length;
        if (size >= WRITE_BYTES) await flush();
      }
      await flush();
      await file.sync();
    } finally {
      await file.close();
    }
    const path = join(folder, name());
    await rename(temporary, path);
    return path;
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    if (!(cause instanceof Error && 'syscall' in cause)) throw cause;
    throw dataError(
      `${folder}: the cache cannot be written.`,
      'a folder with room',
      cause.message,
      'make room there, or name another folder',
      cause,
    );
  }
}

async function firstBytes(path: string, count: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
