import { afterEach, describe, expect, it, vi } from 'vitest';
import { fetchWithDeadline, requireStallTimeout, StallError } from './stall-deadline';

const URL_ = 'https://models.example/file';
const never = () => new Promise<never>(() => undefined);
const bytes = (count: number) => new Uint8Array(count);

/** A body whose parts come after so many milliseconds each. */
const slowBody = (...delays: readonly number[]): ReadableStream<Uint8Array<ArrayBuffer>> => {
  const left = [...delays];
  return new ReadableStream({
    async pull(controller) {
      const delay = left.shift();
      if (delay === undefined) return controller.close();
      await new Promise((resolve) => setTimeout(resolve, delay));
      controller.enqueue(bytes(3));
    },
  });
};
const ask = (answer: () => Promise<Response>, stallTimeoutMs = 100, signal?: AbortSignal) =>
  fetchWithDeadline(answer, URL_, {}, { stallTimeoutMs, signal });

afterEach(() => vi.useRealTimers());

describe('a request with a deadline', () => {
  it('ends where no headers come', async () => {
    await expect(ask(never)).rejects.toThrow(StallError);
  });

  it('ends where a body stops in the middle, and tells the server to stop', async () => {
    let aborted: AbortSignal | null | undefined;
    const answer = await fetchWithDeadline(
      async (_, init) => {
        aborted = init?.signal;
        return new Response(slowBody(1, 60_000));
      },
      URL_,
      {},
      { stallTimeoutMs: 100 },
    );
    await expect(answer.arrayBuffer()).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: https://models.example/file: the server sends nothing.
        expected  a byte within 0.1 s
        got       none
        fix       check the connection and try again: what has come is kept. A slow server needs a longer stallTimeoutMs]
    `);
    expect(aborted?.aborted).toBe(true);
  });

  it('goes on as long as bytes come, however long all of it takes', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearInterval', 'performance'] });
    const answer = await ask(async () => new Response(slowBody(60, 60, 60, 60, 60)), 150);
    const body = answer.arrayBuffer();
    await vi.advanceTimersByTimeAsync(300);
    expect((await body).byteLength).toBe(15);
  });

  it('does not count the time in which nobody reads', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const answer = await ask(async () => new Response(bytes(5)), 1000);
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await answer.arrayBuffer()).byteLength).toBe(5);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    [new Error('enough')],
    ['a text'],
    [404],
    [null],
    [Object.assign(new Error('a system error'), { syscall: 'write', statusCode: 404 })],
  ])('ends with the reason of an abort, whatever it is: %s', async (reason) => {
    const headers = new AbortController();
    const pending = ask(never, 60_000, headers.signal);
    headers.abort(reason);
    await expect(pending.catch((error: unknown) => ({ error }))).resolves.toEqual({ error: reason });
    const body = new AbortController();
    const answer = await ask(async () => new Response(slowBody(1, 60_000)), 60_000, body.signal);
    const reading = answer.arrayBuffer().catch((error: unknown) => ({ error }));
    body.abort(reason);
    await expect(reading).resolves.toEqual({ error: reason });
    await expect(ask(never, 60_000, body.signal).catch((error: unknown) => ({ error }))).resolves.toEqual({ error: reason });
  });

  it('keeps status, headers and the absence of a body', async () => {
    const answer = await ask(async () => new Response(null, { status: 304, headers: { etag: '"1"' } }));
    expect([answer.status, answer.headers.get('etag'), answer.body]).toEqual([304, '"1"', null]);
  });
});

it.each([0, -1, Number.NaN, 300_001, Number.POSITIVE_INFINITY])('a stall timeout of %s ms is refused', (value) => {
  expect(() => requireStallTimeout(value)).toThrow(expect.objectContaining({ code: 'OPTION' }));
  expect(requireStallTimeout(5)).toBe(5);
});
