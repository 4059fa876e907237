/** Files behind a URL: a repository on the Hub, or any folder that a web server shows. */
import type { Fetch } from '@densessm/checkpoint';
import { requireRevision } from '@densessm/checkpoint/internal';
import { SsmError } from '@densessm/ssm-core';
import { type HubSettings, sha256 } from './options';
import { hubFetch } from './request';

export const COMMIT: RegExp = /^[0-9a-f]{40}$/;

/** What is known of a file's content before it has come. */
export interface Digest {
  /** `git`: SHA-1 of git's blob, which is "blob", the size, a zero byte and the content. */
  readonly kind: 'sha256' | 'git';
  readonly hex: string;
}

export interface RemoteFile {
  readonly size: number;
  /** Says whether two files are the same one; the name of its content in the cache. */
  readonly key: string;
  readonly digest: Digest | undefined;
  /** The commit that the revision stands for. */
  readonly commit: string | undefined;
  /** Its bytes from `from` on. `start` is where they really begin: 0 where the server gives no ranges. */
  open(from: number): Promise<{ start: number; body: AsyncIterable<Uint8Array> }>;
}

export interface Remote {
  /** Names it in errors. */
  readonly where: string;
  /** Its folder in the cache. */
  readonly folder: string;
  /** As asked for: a branch, a tag or a commit. */
  readonly revision: string;
  /** Whether the name of a blob in its folder is the hash of the content. */
  readonly isNamedByContent: boolean;
  /** The commit that it stands for, once that is known. */
  commit(): string | undefined;
  /** Undefined where there is no such file. @throws SsmError NETWORK */
  find(name: string): Promise<RemoteFile | undefined>;
}

export type RepositoryKind = 'model' | 'dataset';

/**
 * A repository on the Hub. `@huggingface/hub` asks for a file's size, hash and place; its bytes are fetched here, since that
 * library's own downloads neither resume nor check what came, and two of them at once write one file.
 */
export function hubRemote(id: string, settings: HubSettings, kind: RepositoryKind = 'model'): Remote {
  requireRevision(settings.revision);
  const request = hubFetch(settings);
  const page = `${settings.endpoint}/${kind === 'model' ? '' : `${kind}s/`}${id}`;
  let revision = settings.revision;
  const find = async (name: string): Promise<RemoteFile | undefined> => {
    let answer: Response | undefined;
    const watched: typeof fetch = async (input, init) => {
      answer = await request(input, init);
      return answer;
    };
    const path = name.split('/').map(encodeURIComponent).join('/');
    const asked = { repo: { type: kind, name: id }, path, revision, hubUrl: settings.endpoint, fetch: watched };
    const { fileDownloadInfo } = await import('@huggingface/hub'); // only here: what lies in a folder needs none of it
    const info = await fileDownloadInfo(asked).catch((error: unknown) => orMissing(page, name, error, settings.signal));
    if (answer && !answer.bodyUsed) await answer.body?.cancel();
    if (!info) return undefined;
    const commit = commitOf(answer?.headers.get('x-repo-commit'));
    if (commit) revision = commit; // all files of one load are from one commit
    const key = safeKey(info.etag);
    const url = `${page}/resolve/${encodeURIComponent(revision)}/${path}`;
    if (!isSize(info.size)) throw noSize(url, info.size);
    return { size: info.size, key, digest: digestOf(key), commit, open: (from) => openRange(request, url, from, info.size) };
  };
  return {
    where: id,
    folder: `${kind}s--${id.replaceAll('/', '--')}`,
    revision: settings.revision,
    isNamedByContent: true,
    commit: () => commitOf(revision),
    find,
  };
}

/** A name that may become a folder's. */
const commitOf = (text: string | null | undefined): string | undefined => (text && COMMIT.test(text) ? text : undefined);

/** @throws SsmError NETWORK for everything but a file that is not there; the signal's reason once it is aborted */
export function orMissing(where: string, name: string, error: unknown, signal: AbortSignal | undefined): null {
  signal?.throwIfAborted();
  if (error instanceof Error && 'statusCode' in error && error.statusCode === 404) return null; // the library's HubApiError
  if (error instanceof SsmError || !(error instanceof Error)) throw error;
  const fix = 'check the endpoint: it answers otherwise than the Hub';
  throw new SsmError(
    {
      code: 'NETWORK',
      what: `${where}: nothing is said about ${name}.`,
      expected: 'its size and hash',
      got: error.message.slice(0, 200),
      fix,
    },
    { cause: error },
  );
}

/** A folder on a web server. Without a hash, a file's size and date tell whether it is the one in the cache. */
export function urlRemote(base: URL, settings: HubSettings): Remote {
  const request = hubFetch(settings);
  const folder = new URL(base.pathname.endsWith('/') ? base : `${base.href}/`);
  const find = async (name: string): Promise<RemoteFile | undefined> => {
    const url = new URL(name, folder).href;
    const response = await request(url, { headers: { range: 'bytes=0-0' } });
    await response.body?.cancel();
    if (response.status === 404) return undefined;
    const total = response.status === 206 ? response.headers.get('content-range')?.split('/')[1] : response.headers.get('content-length');
    const size = total && /^\d+$/.test(total) ? Number(total) : Number.NaN;
    if (!isSize(size)) throw noSize(url, total);
    const mark = ['x-linked-etag', 'etag', 'last-modified'].map((header) => response.headers.get(header) ?? '').join('|');
    return {
      size,
      key: sha256(`${url}|${size}|${mark}`),
      digest: undefined,
      commit: undefined,
      open: (from) => openRange(request, url, from, size),
    };
  };
  return {
    where: folder.href.slice(0, -1),
    folder: `urls--${sha256(folder.href).slice(0, 32)}`,
    revision: 'main',
    isNamedByContent: false,
    commit: () => undefined,
    find,
  };
}

const isSize = (size: number): boolean => Number.isSafeInteger(size) && size >= 0;

const noSize = (url: string, got: unknown): SsmError =>
  new SsmError({
    code: 'NETWORK',
    what: `${url}: the server does not say how large the file is.`,
    expected: 'Content-Range or Content-Length',
    got: String(got ?? 'neither'),
    fix: 'download the folder yourself and load it from there',
  });

/** What the name of a blob says of its content: large files have their SHA-256 as ETag, small ones the name of git's blob. */
export function digestOf(key: string): Digest | undefined {
  if (/^[0-9a-f]{64}$/.test(key)) return { kind: 'sha256', hex: key };
  return /^[0-9a-f]{40}$/.test(key) ? { kind: 'git', hex: key } : undefined;
}

/** An ETag as a file name. */
function safeKey(etag: string): string {
  const bare = etag.replace(/^W\//, '').replaceAll('"', '');
  return /^[\w-]{1,128}$/.test(bare) ? bare : sha256(bare).slice(0, 48);
}

async function openRange(
  request: Fetch,
  url: string,
  from: number,
  size: number,
): Promise<{ start: number; body: AsyncIterable<Uint8Array> }> {
  const response = await request(url, from > 0 ? { headers: { range: `bytes=${from}-` } } : {});
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '');
  const start = response.status === 206 ? Number(range?.[1] ?? Number.NaN) : 0;
  const total = response.status === 206 ? range?.[2] : (response.headers.get('content-length') ?? '*');
  if (response.status === 404 || !response.body || (start !== from && start !== 0) || (total !== '*' && Number(total) !== size)) {
    await response.body?.cancel();
    const got = `status ${response.status}, ${response.headers.get('content-range') ?? `${total} bytes`}`;
    const fix = 'try again; the file may have changed meanwhile';
    throw new SsmError({
      code: 'NETWORK',
      what: `${url}: the server gives another file than it announced.`,
      expected: `bytes ${from} to ${size}`,
      got,
      fix,
    });
  }
  return { start, body: response.body as unknown as AsyncIterable<Uint8Array> };
}
