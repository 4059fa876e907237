import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Digest } from './remote';

/** The hash of a file, as the Hub names it. @throws the signal's reason once it is aborted */
export async function hashOf(path: string, kind: Digest['kind'], size: number, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash(kind === 'git' ? 'sha1' : 'sha256');
  if (kind === 'git') hash.update(`blob ${size}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    signal?.throwIfAborted();
    hash.update(chunk as Uint8Array);
  }
  return hash.digest('hex');
}
