import { fetchWithDeadline, StallError } from '@densessm/checkpoint/internal';
import { SsmError } from '@densessm/ssm-core';

/** Tries of one request, the first included. */
const MAX_TRIES = 3;
/** Tries of a request that the server leaves without an answer: each takes the whole deadline. */
const MAX_STALLS = 2;
const PAUSE_MS = 500;
const WORTH_ANOTHER_TRY = new Set([408, 429, 500, 502, 503, 504]);
/** Not HTML: servers of single-page applications otherwise answer with their index page where a file is missing. */
const ACCEPT = 'application/json, application/octet-stream';

export interface RequestSettings {
  /** Sent to its origin and to no other. */
  readonly token?: { readonly value: string; readonly origin: string };
  /** How long the server may send nothing. */
  readonly stallTimeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Bytes `from` to `to` of a file, or all of it: a server may give all of it at any time. Tries again where the connection fails or the server
 * is busy. Undefined where there is no such file.
 * @throws SsmError NETWORK; the signal's reason once it is aborted
 */
export async function request(url: string, settings: RequestSettings, range?: [from: number, to: number]): Promise<Response | undefined> {
  const { signal, token } = settings;
  const headers = new Headers({ accept: ACCEPT });
  if (range) headers.set('range', `bytes=${range.join('-')}`);
  if (token && new URL(url).origin === token.origin) headers.set('authorization', `Bearer ${token.value}`);
  for (let tries = 1; ; tries++) {
    // what is kept we keep ourselves
    const answer = await fetchWithDeadline(fetch, url, { headers, cache: 'no-store' }, settings).catch((error: unknown) => error);
    signal?.throwIfAborted();
    if (answer instanceof StallError && tries >= MAX_STALLS) throw answer;
    if (!(answer instanceof Response)) {
      if (tries >= MAX_TRIES) throw answer instanceof StallError ? answer : unreachable(url, answer);
    } else {
      if (answer.ok && !isPage(answer)) return answer;
      await answer.body?.cancel();
      if (answer.status === 404) return undefined;
      if (answer.ok) throw isHtml(url);
      if (tries >= MAX_TRIES || !WORTH_ANOTHER_TRY.has(answer.status)) throw refused(url, answer);
    }
    await pause(tries * PAUSE_MS, signal);
  }
}

function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, milliseconds);
  });
}

/**
 * The body of an answer, of `expected` to `most` bytes; `onBytes` hears of every part that comes.
 * @throws SsmError NETWORK where it is cut off or goes on beyond that; the signal's reason once it is aborted
 */
export async function bodyOf(
  answer: Response,
  url: string,
  { expected, most }: { expected: number; most: number },
  { signal }: RequestSettings,
  onBytes: (count: number) => void,
): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const reader = answer.body?.getReader();
  let size = 0;
  try {
    for (let read = await reader?.read(); read?.value; read = await reader?.read()) {
      parts.push(read.value);
      onBytes(read.value.length);
      size += read.value.length;
      if (size > most) break;
    }
  } catch (cause) {
    signal?.throwIfAborted();
    throw cutOff(url, expected, `${size} bytes, then ${String(cause).split('\n', 1)[0]}`, cause);
  }
  if (size > most) {
    await reader?.cancel();
    throw tooLarge(url, most, `at least ${size}`);
  }
  const whole = new Blob(parts);
  if (whole.size < expected) throw cutOff(url, expected, `${whole.size} bytes`);
  return whole;
}

export const tooLarge = (url: string, most: number, got: string): SsmError =>
  networkError(
    `${url}: the server gives more bytes than the file can have.`,
    `at most ${most} bytes`,
    got,
    'check the address, and that it is the file',
  );

const isPage = ({ headers }: Response): boolean => /^text\/html\b/.test(headers.get('content-type') ?? '');

const networkError = (what: string, expected: string, got: string, fix: string, cause?: unknown): SsmError =>
  new SsmError({ code: 'NETWORK', what, expected, got, fix }, { cause });

const isHtml = (url: string): SsmError =>
  networkError(
    `${url}: the server gives a page in place of the file.`,
    'the file, or status 404 where there is none',
    'text/html',
    'check the address; a server that answers every path with its index page must not do so for a model',
  );

const cutOff = (url: string, expected: number, got: string, cause?: unknown): SsmError =>
  networkError(`${url}: the download was cut off.`, `${expected} bytes`, got, 'load again: it goes on with what has not come yet', cause);

export const changed = (url: string): SsmError =>
  networkError(`${url}: the file is another one than when it was opened.`, 'one file', 'parts of two', 'load again');

const unreachable = (url: string, cause: unknown): SsmError =>
  networkError(
    `${url} cannot be reached.`,
    'an answer',
    String(cause).slice(0, 200),
    "check the connection, and that the server lets this page's origin read the file (CORS)",
    cause,
  );

function refused(url: string, { status }: Response): SsmError {
  const fix =
    status === 401 || status === 403 ? 'check the address; if it is not public, pass a `token` that may read it' : 'try again later';
  return networkError(`${url}: the server refuses or fails.`, 'the file', `status ${status}`, fix);
}
