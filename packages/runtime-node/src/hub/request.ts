import type { Fetch } from '@densessm/checkpoint';
import { fetchWithDeadline, StallError } from '@densessm/checkpoint/internal';
import { SsmError } from '@densessm/ssm-core';
import type { HubSettings } from './options';
import { proxyFetch } from './proxy';

/** Tries of one request, the first included. */
const MAX_TRIES = 5;
/** Tries of one request that the server leaves without an answer: each takes the whole deadline. */
export const MAX_STALLS = 2;
const MAX_REDIRECTS = 10;
/** A server that asks for a longer pause is not waited for. */
const MAX_PAUSE_MS = 120_000;
const FIRST_PAUSE_MS = 500;
const WORTH_ANOTHER_TRY = new Set([408, 429, 500, 502, 503, 504]);
/** What the Hub says about a file before it redirects to where the file lies, and the place it redirects to does not know. */
const SAID_FIRST = ['x-linked-etag', 'x-linked-size', 'x-repo-commit', 'etag'];

type Settings = Pick<HubSettings, 'endpoint' | 'token' | 'signal' | 'pause' | 'proxies' | 'stallTimeoutMs'>;

/** How long to wait before try number `tries` + 1. */
export const backoffMs = (tries: number): number => Math.min(30_000, FIRST_PAUSE_MS * 2 ** (tries - 1));

/**
 * A `fetch` for model files. It sends the token to the endpoint only, follows redirects itself to keep what the first
 * answer said, waits as a busy server asks, and tries again where the connection fails. Answers below 400, and 404 (without its body) for a
 * file that is not there, are returned; all others are errors.
 * @throws SsmError NETWORK; the signal's reason once it is aborted
 */
export function hubFetch(settings: Settings): Fetch {
  return async (input, init = {}) => {
    const url = input instanceof Request ? input.url : String(input);
    for (let tries = 1; ; tries++) {
      let wait: number;
      let problem: SsmError;
      try {
        const response = await followed(settings, url, init);
        if (response.status < 400) return response;
        await response.body?.cancel();
        if (isFileMissing(response)) return new Response(null, response);
        problem = answered(settings, url, response);
        wait = pauseAsked(response) ?? backoffMs(tries);
        if (!WORTH_ANOTHER_TRY.has(response.status) || wait > MAX_PAUSE_MS) throw problem;
      } catch (error) {
        settings.signal?.throwIfAborted();
        if (error instanceof StallError ? tries >= MAX_STALLS : error instanceof SsmError) throw error;
        problem = error instanceof StallError ? error : unreachable(url, error, settings);
        wait = backoffMs(tries);
      }
      if (tries >= MAX_TRIES) throw problem;
      await settings.pause(wait, settings.signal);
    }
  };
}

async function followed(settings: Settings, start: string, init: RequestInit): Promise<Response> {
  const { token, endpoint } = settings;
  const fetch = await proxyFetch(settings.proxies);
  const first = new Map<string, string>();
  let url = new URL(start);
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const headers = new Headers(init.headers);
    headers.set('accept-encoding', 'identity'); // a range of a compressed body would be no range of the file
    if (token && url.origin === new URL(endpoint).origin) headers.set('authorization', `Bearer ${token}`);
    const response = await fetchWithDeadline(fetch, url, { ...init, headers, redirect: 'manual' }, settings);
    for (const name of SAID_FIRST) {
      const said = response.headers.get(name);
      if (said !== null && !first.has(name)) first.set(name, said);
    }
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || !location) return withHeaders(response, first);
    await response.body?.cancel();
    url = new URL(location, url);
    if (url.protocol !== 'https:' && url.protocol !== new URL(start).protocol) break;
  }
  const fix = 'check the endpoint';
  throw new SsmError({
    code: 'NETWORK',
    what: `${start} is redirected without end, or to somewhere unsafe.`,
    expected: `at most ${MAX_REDIRECTS} redirects, none away from https`,
    got: url.href.slice(0, 200),
    fix,
  });
}

/** The last answer with what the first one said beside it. */
function withHeaders(response: Response, first: ReadonlyMap<string, string>): Response {
  const headers = new Headers(response.headers);
  for (const [name, value] of first) headers.set(name, value);
  const hasBody = response.body && ![204, 205, 304].includes(response.status);
  return new Response(hasBody ? response.body : null, { status: response.status, statusText: response.statusText, headers });
}

/** The Hub says EntryNotFound where the repository is there but the file is not; a plain server says only 404. */
const isFileMissing = (response: Response): boolean =>
  response.status === 404 && ['EntryNotFound', null].includes(response.headers.get('x-error-code'));

/** Retry-After in seconds or as a date, RFC 9110 section 10.2.3. */
function pauseAsked(response: Response): number | undefined {
  const text = response.headers.get('retry-after');
  if (text === null) return undefined;
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : undefined;
}

function answered(settings: Settings, url: string, response: Response): SsmError {
  const { status } = response;
  const code = response.headers.get('x-error-code');
  const said = response.headers.get('x-error-message')?.slice(0, 200);
  const got = [`status ${status}`, code, said].filter(Boolean).join(', ');
  const problem = (what: string, fix: string): SsmError =>
    new SsmError({ code: 'NETWORK', what: `${url}: ${what}`, expected: 'the file', got, fix });
  if (status === 401 || status === 403) {
    const fix = settings.token
      ? 'check the id, and that the token may read this (what is gated asks for consent on its page)'
      : 'check the id; if it is not public, run `hf auth login`, or put a token that may read it in HF_TOKEN';
    return problem('the server refuses access.', fix);
  }
  if (status === 404) return problem('there is no such repository or revision.', 'check the id and options.revision');
  if (status === 429) return problem('the server has had too many requests.', 'wait, or use a token: it has a larger allowance');
  if (status === 416) return problem('the file is shorter than the server said.', 'try again; if it stays so, the server is at fault');
  return problem('the server failed.', 'try again later');
}

const unreachable = (url: string, cause: unknown, { proxies }: Settings): SsmError => {
  const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const got =
    reason instanceof Error ? `${(reason as NodeJS.ErrnoException).code ?? ''} ${reason.message}`.trim().slice(0, 200) : String(reason);
  const fix = `check the connection${proxies ? ', the proxy (HTTPS_PROXY, HTTP_PROXY, NO_PROXY)' : ''} and HF_ENDPOINT; what is in the cache loads with { offline: true }`;
  return new SsmError({ code: 'NETWORK', what: `${url} cannot be reached.`, expected: 'an answer', got, fix }, { cause });
};
