import { SsmError } from '@densessm/ssm-core';

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface StallDeadline {
  /** How long a server may send nothing, in milliseconds. */
  readonly stallTimeoutMs: number;
  /** Its abort ends the request with its own reason. */
  readonly signal?: AbortSignal;
}

/** A server's answer that did not begin or did not go on in time. */
export class StallError extends SsmError {}

export const STALL_TIMEOUT_MS = 30_000;
/** Node's `fetch` gives up after this by itself. */
const LONGEST_MS = 300_000;
const NO_BODY = new Set([101, 204, 205, 304]);

/** @throws SsmError OPTION */
export function requireStallTimeout(milliseconds: number): number {
  if (milliseconds > 0 && milliseconds <= LONGEST_MS) return milliseconds;
  throw new SsmError({
    code: 'OPTION',
    what: 'the stall timeout cannot be used.',
    expected: `milliseconds, above 0 and at most ${LONGEST_MS}`,
    got: String(milliseconds),
    fix: `leave it out: a server may send nothing for ${STALL_TIMEOUT_MS} ms`,
  });
}

/**
 * Does a `fetch` whose headers, and then every part of the body, must come within the deadline. Time in which nobody reads does not count.
 * @throws StallError (SsmError NETWORK) from the call or from the body; the signal's reason once it is aborted
 */
export async function fetchWithDeadline(fetch: Fetch, url: URL | string, init: RequestInit, deadline: StallDeadline): Promise<Response> {
  const watch = new StallWatch(String(url), deadline);
  try {
    const response = await watch.within(fetch(url, { ...init, signal: watch.signal }));
    const { status, statusText, headers, body } = response;
    if (!body || NO_BODY.has(status)) watch.end();
    return new Response(body && !NO_BODY.has(status) ? watched(body, watch) : null, { status, statusText, headers });
  } catch (error) {
    watch.end();
    throw error;
  }
}

function watched(body: ReadableStream<Uint8Array<ArrayBuffer>>, watch: StallWatch): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await watch.within(reader.read());
        if (!done) return controller.enqueue(value);
        watch.end();
        controller.close();
      } catch (error) {
        watch.end();
        throw error;
      }
    },
    async cancel(reason) {
      watch.end();
      await reader.cancel(reason);
    },
  });
}

/** Aborts `signal` where something that is waited for takes too long. One timer serves a whole answer, since its parts are many. */
class StallWatch {
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #aborted: Promise<never>;
  readonly #outer: AbortSignal | undefined;
  #waitingSince: number | undefined;

  constructor(url: string, { stallTimeoutMs, signal }: StallDeadline) {
    signal?.throwIfAborted();
    this.#outer = signal;
    signal?.addEventListener('abort', this.#abort);
    this.#aborted = new Promise((_, reject) => {
      this.signal.addEventListener('abort', () => reject(this.signal.reason), { once: true });
    });
    this.#aborted.catch(() => undefined); // nobody may be waiting
    this.#timer = setInterval(
      () => {
        if (this.#waitingSince === undefined || performance.now() - this.#waitingSince < stallTimeoutMs) return;
        this.#controller.abort(stalled(url, stallTimeoutMs));
      },
      Math.min(500, stallTimeoutMs / 4),
    );
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  readonly #abort = (): void => this.#controller.abort(this.#outer?.reason);

  /** What `work` gives, unless the signal is aborted first. */
  async within<T>(work: Promise<T>): Promise<T> {
    this.#waitingSince = performance.now();
    try {
      return await Promise.race([this.#aborted, work]);
    } catch (error) {
      throw this.signal.aborted ? this.signal.reason : error; // what `fetch` makes of an abort differs
    } finally {
      this.#waitingSince = undefined;
    }
  }

  end(): void {
    clearInterval(this.#timer);
    this.#outer?.removeEventListener('abort', this.#abort);
  }
}

const stalled = (url: string, stallTimeoutMs: number): StallError =>
  new StallError({
    code: 'NETWORK',
    what: `${url}: the server sends nothing.`,
    expected: `a byte within ${stallTimeoutMs / 1000} s`,
    got: 'none',
    fix: 'check the connection and try again: what has come is kept. A slow server needs a longer stallTimeoutMs',
  });
