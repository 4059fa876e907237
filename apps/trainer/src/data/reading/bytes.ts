import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { dataError, unreadable } from '../errors';
import type { DataFile } from '../finding/data-file';

const READ_BYTES = 2 ** 20;

/**
 * The bytes of a file, unpacked; `onRead` hears how many of its bytes on the disk have been read.
 * @throws SsmError FILE where it cannot be read or is no gzip; the signal's reason
 */
export async function* fileBytes(
  file: Pick<DataFile, 'name' | 'path' | 'isGzipped'>,
  onRead: (bytes: number) => void,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  async function* counted(): AsyncGenerator<Uint8Array> {
    let read = 0;
    for await (const chunk of createReadStream(file.path, { highWaterMark: READ_BYTES })) {
      signal?.throwIfAborted();
      read += chunk.length;
      onRead(read);
      yield chunk;
    }
  }
  try {
    yield* file.isGzipped ? unpacked(counted()) : counted();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    if (code.startsWith('Z_'))
      throw dataError(`${file.name} cannot be unpacked.`, 'a whole .gz file', (cause as Error).message, 'download or pack it again', cause);
    if (cause instanceof Error && 'syscall' in cause) throw unreadable(file.name, cause);
    throw cause;
  }
}

async function* unpacked(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const packed = Readable.from(bytes);
  const gunzip = createGunzip({ chunkSize: READ_BYTES });
  packed.on('error', (error) => gunzip.destroy(error));
  try {
    yield* packed.pipe(gunzip) as AsyncIterable<Uint8Array>;
  } finally {
    packed.destroy();
    gunzip.destroy();
  }
}
