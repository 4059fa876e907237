/** Files that are no model: data sets on the Hub, single files behind URLs. They lie in the same cache. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireRevision } from '@densessm/checkpoint/internal';
import { SsmError } from '@densessm/ssm-core';
import { findFile } from './cache';
import { type HubOptions, type HubSettings, hubSettings, sha256 } from './options';
import { hubRemote, orMissing, urlRemote } from './remote';
import { hubFetch } from './request';

const DATA_SET_ID = /^[\w.-]+\/[\w.-]+$/;

/**
 * The paths of the files in a data set on the Hub (`owner/name`), sorted. Offline: of those that are in the cache.
 * @throws SsmError OPTION for an id that is none, NETWORK where the server refuses or fails
 */
export async function listDataset(id: string, options: HubOptions = {}): Promise<string[]> {
  requireId(id);
  const settings = hubSettings(options);
  requireRevision(settings.revision);
  if (settings.offline) return cachedPaths(id, settings);
  const { revision, endpoint: hubUrl } = settings;
  const paths: string[] = [];
  const request = hubFetch(settings);
  const asked = {
    repo: { type: 'dataset', name: id },
    recursive: true,
    revision: encodeURIComponent(revision),
    hubUrl,
    fetch: request,
  } as const;
  const { listFiles } = await import('@huggingface/hub');
  try {
    for await (const { type, path } of listFiles(asked)) if (type === 'file') paths.push(path);
  } catch (error) {
    if (orMissing(`${hubUrl}/datasets/${id}`, 'its files', error, settings.signal) === null) throw noDataSet(id, revision);
  }
  return paths.sort();
}

/**
 * The path on this machine of one file of a data set on the Hub, downloaded if need be.
 * @throws SsmError OPTION, NETWORK where the server refuses or fails or has no such file, FILE where the cache cannot be written
 */
export async function downloadDatasetFile(id: string, path: string, options: HubOptions = {}): Promise<string> {
  requireId(id);
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..') || path.includes('\\'))
    throw badOption(`the path of a file of ${id} cannot be used.`, 'a path inside the data set', path);
  const settings = hubSettings(options);
  const found = await findFile(hubRemote(id, settings, 'dataset'), path, settings);
  return found?.fetch() ?? refuseMissing(`${id}/${path}`, settings);
}

/**
 * The path on this machine of the file behind a URL, downloaded if need be: again, if the server says that it is another one.
 * @throws SsmError OPTION for a URL without a file name, NETWORK where the server refuses or fails, FILE where the cache cannot be written
 */
export async function downloadUrl(url: string | URL, options: HubOptions = {}): Promise<string> {
  const { origin, pathname, search, href } = new URL(url);
  const parts = pathname.split('/');
  const last = parts.pop() ?? '';
  const name = decodeURIComponent(last).replace(/[^\w.-]/g, '_');
  if (!/\w/.test(name)) throw badOption('the URL names no file.', 'https://…/file.txt', href);
  const settings = hubSettings(options);
  const remote = urlRemote(new URL(`${origin}${parts.join('/')}/`), settings);
  const folder = search ? `urls--${sha256(href).slice(0, 32)}` : remote.folder;
  const found = await findFile({ ...remote, folder, find: () => remote.find(`${last}${search}`) }, name, settings);
  return found?.fetch() ?? refuseMissing(href, settings);
}

function requireId(id: string): void {
  if (!DATA_SET_ID.test(id)) throw badOption('the id of a data set cannot be used.', 'owner/name', id);
}

const badOption = (what: string, expected: string, got: string): SsmError =>
  new SsmError({ code: 'OPTION', what, expected, got: got.slice(0, 200), fix: 'correct it' });

const noDataSet = (id: string, revision: string): SsmError =>
  new SsmError({
    code: 'NETWORK',
    what: `${id}: there is no such data set or revision.`,
    expected: 'a data set',
    got: revision,
    fix: 'check the id and the revision',
  });

function refuseMissing(where: string, { offline, cacheDir }: HubSettings): never {
  const got = offline ? `nothing in the cache ${cacheDir}, and offline` : 'status 404';
  const fix = offline ? 'load it once online: from then on it is there offline' : 'check the address';
  throw new SsmError({ code: 'NETWORK', what: `${where}: there is no such file.`, expected: 'the file', got, fix });
}

async function cachedPaths(id: string, { cacheDir, revision }: HubSettings): Promise<string[]> {
  const storage = join(cacheDir, `datasets--${id.replaceAll('/', '--')}`);
  const commit = (await readFile(join(storage, 'refs', revision), 'utf8').catch(() => revision)).trim();
  const snapshot = join(storage, 'snapshots', commit);
  const entries = await readdir(snapshot, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => !entry.isDirectory() && !entry.name.endsWith('.tmp'));
  return files
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(snapshot.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort();
}
