import { type FileHandle, mkdir, open, rename, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StallError } from '@densessm/checkpoint/internal';
import { SsmError } from '@densessm/ssm-core';
import { hashOf } from './content-hash';
import { sizeOf } from './file-size';
import type { HubSettings } from './options';
import { claimPartial, isAlive, partialName, partialsOf } from './partial-files';
import type { RemoteFile } from './remote';
import { backoffMs, MAX_STALLS } from './request';
import { rememberIntact } from './verified';

/** Tries in a row that bring no byte. */
const MAX_FRUITLESS = 5;

/** Fetches a file into its blob. @throws SsmError NETWORK, FILE where what came is not what was announced */
export async function download(file: RemoteFile, blob: string, storage: string, name: string, settings: HubSettings): Promise<void> {
  await mkdir(dirname(blob), { recursive: true });
  const partial = await claimPartial(blob);
  const handle = await open(partial, 'r+').catch(() => open(partial, 'w+'));
  let isWhole = false;
  try {
    await fetchInto(handle, file, name, settings);
    await handle.sync();
    isWhole = true;
  } finally {
    await handle.close();
    if (!isWhole) await leave(partial, blob);
  }
  await requireDigest(partial, file, name, settings.signal);
  await rename(partial, blob);
  if (file.digest) await rememberIntact(blob, file.digest, storage);
  for (const left of await partialsOf(blob)) if (!isAlive(left.pid)) await rm(left.path, { force: true });
}

/** What has come is kept under a name from which any process may resume. */
async function leave(partial: string, blob: string): Promise<void> {
  if (await sizeOf(partial)) await rename(partial, partialName(blob, 0)).catch(() => undefined);
  else await rm(partial, { force: true });
}

async function fetchInto(handle: FileHandle, file: RemoteFile, name: string, settings: HubSettings): Promise<void> {
  const { size: already } = await handle.stat();
  let at = already <= file.size ? already : 0;
  await handle.truncate(at);
  await requireRoom(file.size - at, name, settings.cacheDir);
  let fruitless = 0;
  const report = (): void => settings.onProgress?.({ file: name, loaded: at, total: file.size });
  report();
  while (at < file.size) {
    const before = at;
    const { start, body } = await file.open(at);
    at = start;
    try {
      for await (const chunk of body) {
        if (at + chunk.length > file.size) throw wrongLength(name, file.size, `at least ${at + chunk.length} bytes`);
        await writeAll(handle, chunk, at);
        at += chunk.length;
        report();
      }
    } catch (error) {
      settings.signal?.throwIfAborted();
      const isLost = error instanceof StallError ? at <= before && fruitless + 1 >= MAX_STALLS : error instanceof SsmError;
      if (isLost || (error as NodeJS.ErrnoException).syscall === 'write') throw error;
    }
    if (at >= file.size) break;
    fruitless = at > before ? 0 : fruitless + 1;
    if (fruitless >= MAX_FRUITLESS) throw wrongLength(name, file.size, `${at} bytes, then nothing in ${MAX_FRUITLESS} tries`);
    await settings.pause(backoffMs(fruitless + 1), settings.signal);
  }
}

/** Asked before the first byte comes, so that a full disk costs no download. Some file systems do not say how much room they have. */
async function requireRoom(needed: number, name: string, folder: string): Promise<void> {
  const disk = await statfs(folder).catch(() => undefined);
  if (!disk || disk.blocks === 0 || disk.bavail * disk.bsize >= needed) return;
  throw new SsmError({
    code: 'FILE',
    what: `${name}: the cache has no room for the download.`,
    expected: `${needed} bytes on the disk of ${folder}`,
    got: `${disk.bavail * disk.bsize} bytes`,
    fix: 'make room there, or name a folder on another disk with HF_HUB_CACHE',
  });
}

async function writeAll(handle: FileHandle, chunk: Uint8Array, at: number): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    const { bytesWritten } = await handle.write(chunk, written, chunk.length - written, at + written);
    written += bytesWritten;
  }
}

const wrongLength = (name: string, size: number, got: string): SsmError =>
  new SsmError({
    code: 'NETWORK',
    what: `${name}: the server does not give as many bytes as it said.`,
    expected: `${size} bytes`,
    got,
    fix: 'try again; what has come is kept. If it stays so, the server is at fault',
  });

/** Reads back what lies on the disk: what an earlier process wrote is checked too. */
async function requireDigest(path: string, { digest, size }: RemoteFile, name: string, signal: AbortSignal | undefined): Promise<void> {
  const got = digest && (await hashOf(path, digest.kind, size, signal));
  if (!digest || got === digest.hex) return;
  await rm(path, { force: true });
  const what = `${name}: the download does not have the content that the server announced.`;
  const fix = 'load again: it starts afresh. If it stays so, something on the way changes the file';
  throw new SsmError({ code: 'FILE', what, expected: `${digest.kind} ${digest.hex}`, got: String(got), fix });
}
