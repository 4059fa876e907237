/**
 * The cache of downloaded files, in the layout of Python's huggingface_hub: `blobs` holds contents by their hash,
 * `snapshots/<commit>` links names to them, `refs` says which commit a branch stood for. A file appears in `blobs` by
 * one renaming, when it is whole and checked; until then each process writes a file of its own.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, realpath, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { SsmError } from '@densessm/ssm-core';
import { download } from './download';
import { sizeOf } from './file-size';
import type { HubSettings } from './options';
import { digestOf, type Remote, type RemoteFile } from './remote';
import { isIntact } from './verified';

/** A file of which the size is known, and which may still have to be downloaded. */
export interface CachedFile {
  readonly size: number;
  /**
   * Its path on this machine.
   * @throws SsmError NETWORK where the server refuses or fails, FILE where the cache cannot be written or the content is wrong
   */
  fetch(): Promise<string>;
}

/**
 * Finds a remote file, in the cache or on its server; undefined where there is none.
 * @throws SsmError NETWORK where the server refuses or fails, or where offline nothing of the model is in the cache
 */
export async function findFile(remote: Remote, name: string, settings: HubSettings): Promise<CachedFile | undefined> {
  const storage = join(settings.cacheDir, remote.folder);
  const snapshotOf = (revision: string): Promise<CachedFile | undefined> => inCache(remote, storage, revision, name, settings);
  if (settings.offline) return snapshotOf(await offlineRevision(remote, storage));
  const commit = remote.commit();
  const known = commit && (await snapshotOf(commit)); // a commit never changes
  if (known) return known;
  const file = await remote.find(name);
  return file && { size: file.size, fetch: () => told(() => store(file, remote, storage, name, settings), storage, file.size, settings) };
}

/** What the file system refuses becomes one error; an abort stays one. */
async function told(act: () => Promise<string>, storage: string, size: number, { signal }: HubSettings): Promise<string> {
  try {
    return await act();
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    const fix = 'make room there, or name another folder with options.cacheDir or HF_HUB_CACHE';
    const what = `${storage}: the cache cannot be written.`;
    throw new SsmError({ code: 'FILE', what, expected: `room for ${size} bytes`, got: error.message.slice(0, 200), fix }, { cause: error });
  }
}

/** Writes only what is not there yet: a complete cache may lie on a file system that cannot be written. */
async function store(file: RemoteFile, remote: Remote, storage: string, name: string, settings: HubSettings): Promise<string> {
  const { revision } = remote;
  const snapshot = join(storage, 'snapshots', file.commit ?? revision, name);
  const blob = join(storage, 'blobs', file.key);
  const isThere = async (path: string): Promise<boolean> =>
    (await sizeOf(path)) === file.size && (await isIntact(path, file.digest, storage, settings.signal));
  const linked = await realpath(snapshot).catch(() => undefined);
  const isLinked = linked !== undefined && (file.commit !== undefined || linked === (await realpath(blob).catch(() => undefined)));
  if (!(isLinked && (await isThere(snapshot)))) {
    if (!(await isThere(blob))) await download(file, blob, storage, name, settings);
    await linkTo(blob, snapshot);
  }
  if (file.commit && file.commit !== revision) await writeRef(join(storage, 'refs', revision), file.commit);
  return snapshot;
}

const commitIn = async (storage: string, revision: string): Promise<string> =>
  (await readFile(join(storage, 'refs', revision), 'utf8').catch(() => revision)).trim();

/** @throws SsmError NETWORK where nothing of this revision was ever downloaded */
async function offlineRevision({ where, revision }: Remote, storage: string): Promise<string> {
  const commit = await commitIn(storage, revision);
  const hasSnapshot = await stat(join(storage, 'snapshots', commit)).then(
    () => true,
    () => false,
  );
  if (hasSnapshot) return commit;
  throw new SsmError({
    code: 'NETWORK',
    what: `${where}: nothing of it is in the cache, and offline no server is asked.`,
    expected: `revision ${revision} in ${storage}`,
    got: 'nothing',
    fix: 'load once online, without HF_HUB_OFFLINE: from then on it loads with { offline: true }',
  });
}

async function inCache(
  remote: Remote,
  storage: string,
  revision: string,
  name: string,
  { signal, offline }: HubSettings,
): Promise<CachedFile | undefined> {
  const path = join(storage, 'snapshots', revision, name);
  const size = await sizeOf(path);
  if (size === undefined) return undefined;
  const digest = remote.isNamedByContent ? digestOf(basename(await realpath(path))) : undefined;
  if (await isIntact(path, digest, storage, signal)) return { size, fetch: async () => path };
  if (!offline) return undefined; // fetched afresh
  throw new SsmError({
    code: 'FILE',
    what: `${path} does not have the content that its name in the cache says.`,
    expected: `${digest?.kind} ${digest?.hex}`,
    got: 'other content',
    fix: 'load once online: it is fetched afresh. Something has changed the file on this disk',
  });
}

/** Puts a link in place in one step; a file system without symbolic links gets a second name of the same file. */
async function linkTo(blob: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  await symlink(relative(dirname(path), blob), temporary).catch(() => link(blob, temporary));
  await rename(temporary, path);
}

async function writeRef(path: string, commit: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => '')) === commit) return;
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  await writeFile(temporary, commit);
  await rename(temporary, path);
}
