/** Contents of the cache that were compared with their hash. Each is read for that once, and again only after it has changed. */
import { mkdir, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { hashOf } from './content-hash';
import type { Digest } from './remote';

/** Beside `blobs`; Python's huggingface_hub does not look there. */
const FOLDER = '.verified';
/** For caches that cannot be written. */
const inThisProcess = new Map<string, string>();

/** Whether a file has the content that its hash says; yes where there is no hash. @throws the signal's reason once it is aborted */
export async function isIntact(
  path: string,
  digest: Digest | undefined,
  storage: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (!digest) return true;
  const { real, size, state, marker } = await fileState(path, digest, storage);
  if (inThisProcess.get(real) === state) return true;
  const isKnown = (await readFile(marker, 'utf8').catch(() => '')) === state;
  if (!isKnown && (await hashOf(real, digest.kind, size, signal)) !== digest.hex) return false;
  if (isKnown) inThisProcess.set(real, state);
  else await rememberIntact(path, digest, storage);
  return true;
}

/** For a file that was verified as it came. */
export async function rememberIntact(path: string, digest: Digest, storage: string): Promise<void> {
  const { real, state, marker } = await fileState(path, digest, storage);
  inThisProcess.set(real, state);
  await mkdir(dirname(marker), { recursive: true })
    .then(() => writeFile(marker, state))
    .catch(() => undefined); // a cache that cannot be written: the next process verifies again
}

async function fileState(path: string, digest: Digest, storage: string) {
  const real = await realpath(path);
  const { size, mtimeMs, ctimeMs } = await stat(real);
  return { real, size, state: `${digest.hex} ${size} ${mtimeMs} ${ctimeMs}`, marker: join(storage, FOLDER, basename(real)) };
}
