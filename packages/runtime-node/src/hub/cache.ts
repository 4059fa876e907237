/**
 * The cache of downloaded files, in the layout of Python's huggingface_hub: `blobs` holds contents by their hash,
 * `snapshots/<commit>` links names to them, `refs` says which commit a branch stood for. A file appears in `blobs` by
 * one renaming, when it is whole and checked; until then each process writes a file of its own.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, link, mkdir, open, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { SsmError } from '@densessm/ssm-core';
import { type HubSettings, sha256 } from './options';
import type { Digest, Remote, RemoteFile } from './remote';
import { backoffMs } from './request';

/** Tries in a row that bring no byte. */
const MAX_FRUITLESS = 5;
const HOST = sha256(hostname()).slice(0, 8);

/**
 * The path of a remote file on this machine, downloaded if need be; undefined where there is no such file.
 * @throws SsmError NETWORK where the server refuses or fails, FILE where the cache cannot be written or the content is wrong
 */
export async function cachedFile(remote: Remote, name: string, settings: HubSettings): Promise<string | undefined> {
  const storage = join(settings.cacheDir, remote.folder);
  if (settings.offline) return inCache(storage, remote.revision, name);
  const commit = remote.commit();
  const known = commit && (await inCache(storage, commit, name)); // a commit never changes
  if (known) return known;
  const file = await remote.find(name);
  if (!file) return undefined;
  try {
    return await store(file, storage, remote.revision, name, settings);
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    const fix = 'make room there, or name another folder with options.cacheDir or HF_HUB_CACHE';
    const what = `${storage}: the cache cannot be written.`;
    throw new SsmError(
      { code: 'FILE', what, expected: `room for ${file.size} bytes`, got: error.message.slice(0, 200), fix },
      { cause: error },
    );
  }
}

async function store(file: RemoteFile, storage: string, revision: string, name: string, settings: HubSettings): Promise<string> {
  const snapshot = join(storage, 'snapshots', file.commit ?? revision, name);
  const blob = join(storage, 'blobs', file.key);
  if ((await sizeOf(blob)) !== file.size) await download(file, blob, name, settings);
  await linkTo(blob, snapshot);
  if (file.commit && file.commit !== revision) await writeRef(join(storage, 'refs', revision), file.commit);
  return snapshot;
}

async function inCache(storage: string, revision: string, name: string): Promise<string | undefined> {
  const ref = await readFile(join(storage, 'refs', revision), 'utf8').catch(() => revision);
  const path = join(storage, 'snapshots', ref.trim(), name);
  return (await sizeOf(path)) === undefined ? undefined : path;
}

const sizeOf = (path: string): Promise<number | undefined> =>
  stat(path).then(
    (found) => (found.isFile() ? found.size : undefined),
    () => undefined,
  );

/** Fetches a file into its blob. @throws SsmError NETWORK, FILE where what came is not what was announced */
async function download(file: RemoteFile, blob: string, name: string, settings: HubSettings): Promise<void> {
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
    // what has come is kept under a name that any process may go on from
    if (!isWhole) await rename(partial, partialName(blob, 0)).catch(() => undefined);
  }
  await requireDigest(partial, file, name);
  await rename(partial, blob);
  for (const left of await partialsOf(blob)) if (!isAlive(left.pid)) await rm(left.path, { force: true });
}

async function fetchInto(handle: FileHandle, file: RemoteFile, name: string, settings: HubSettings): Promise<void> {
  const { size: already } = await handle.stat();
  let at = already <= file.size ? already : 0;
  await handle.truncate(at);
  let fruitless = 0;
  const report = (): void => settings.onProgress?.({ file: name, loaded: at, total: file.size });
  report();
  while (at < file.size) {
    const before = at;
    try {
      const { start, body } = await file.open(at);
      at = start;
      for await (const chunk of body) {
        if (at + chunk.length > file.size) throw wrongLength(name, file.size, `at least ${at + chunk.length} bytes`);
        await writeAll(handle, chunk, at);
        at += chunk.length;
        report();
      }
    } catch (error) {
      settings.signal?.throwIfAborted();
      if (error instanceof SsmError || (error as NodeJS.ErrnoException).syscall === 'write') throw error;
    }
    if (at >= file.size) break;
    fruitless = at > before ? 0 : fruitless + 1;
    if (fruitless >= MAX_FRUITLESS) throw wrongLength(name, file.size, `${at} bytes, then nothing in ${MAX_FRUITLESS} tries`);
    await settings.pause(backoffMs(fruitless + 1), settings.signal);
  }
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
async function requireDigest(path: string, { digest, size }: RemoteFile, name: string): Promise<void> {
  const got = digest && (await digestOf(path, digest.kind, size));
  if (!digest || got === digest.hex) return;
  await rm(path, { force: true });
  const what = `${name}: the download does not have the content that the server announced.`;
  const fix = 'load again: it starts afresh. If it stays so, something on the way changes the file';
  throw new SsmError({ code: 'FILE', what, expected: `${digest.kind} ${digest.hex}`, got: String(got), fix });
}

async function digestOf(path: string, kind: Digest['kind'], size: number): Promise<string> {
  const hash = createHash(kind === 'git' ? 'sha1' : 'sha256');
  if (kind === 'git') hash.update(`blob ${size}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

/** Whose unfinished file it is: this machine and the process, 0 for nobody's. */
const partialName = (blob: string, pid: number): string => `${blob}.${HOST}-${pid}-${randomUUID()}.incomplete`;

/** An unfinished file that no other process writes: one left behind, which renaming makes ours alone, or a new name. */
async function claimPartial(blob: string): Promise<string> {
  const own = partialName(blob, process.pid);
  const left = (await partialsOf(blob)).filter(({ pid }) => !isAlive(pid));
  for (const { path } of left.sort((a, b) => b.size - a.size)) {
    const isOurs = await rename(path, own).then(
      () => true,
      () => false, // another process was quicker
    );
    if (isOurs) return own;
  }
  return own;
}

async function partialsOf(blob: string): Promise<{ path: string; pid: number; size: number }[]> {
  const found: { path: string; pid: number; size: number }[] = [];
  for (const entry of await readdir(dirname(blob)).catch(() => [] as string[])) {
    const path = join(dirname(blob), entry);
    if (!path.startsWith(`${blob}.${HOST}-`)) continue;
    const pid = /^(\d+)-[\w-]+\.incomplete$/.exec(path.slice(`${blob}.${HOST}-`.length))?.[1];
    if (pid !== undefined) found.push({ path, pid: Number(pid), size: (await sizeOf(path)) ?? 0 });
  }
  return found;
}

function isAlive(pid: number): boolean {
  if (pid === 0) return false;
  try {
    process.kill(pid, 0); // asks only
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Puts a link in place in one step; a file system without symbolic links gets a second name of the same file. */
async function linkTo(blob: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  await symlink(relative(dirname(path), blob), temporary).catch(() => link(blob, temporary));
  await rename(temporary, path);
}

async function writeRef(path: string, commit: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  await writeFile(temporary, commit);
  await rename(temporary, path);
}
