import { readText } from '@densessm/checkpoint';
import { SsmError } from '@densessm/ssm-core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FakeServer, FOLDER, fakeCaches, fakeServer } from '../fixtures/fake-web';
import { openPretrained } from './pretrained';

let server: FakeServer;
beforeEach(() => {
  server = fakeServer();
  server.files.set('weights.bin', new Uint8Array(1000));
  server.files.set('config.json', new TextEncoder().encode('{}'));
  vi.stubGlobal('fetch', (...given: Parameters<typeof fetch>) => server.fetch(...given));
  vi.stubGlobal('caches', fakeCaches());
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function read(name: string, options: Parameters<typeof openPretrained>[1] = {}): Promise<number | undefined> {
  const file = await (await openPretrained(FOLDER, options)).open(name);
  return file && (await file.read(0, file.size)).length;
}
const refusal = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.unreachable('it was read'),
    (reason: unknown) => reason,
  );
const endless = (status: number, headers: Record<string, string>): Response =>
  new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(2 ** 16)) }), { status, headers });

describe('a server that falls silent', () => {
  it('before the headers is asked once more and then given up', async () => {
    let silent = 1;
    const answer = server.fetch;
    const isSilent = (url: unknown) => String(url).endsWith('weights.bin') && silent-- > 0;
    vi.stubGlobal('fetch', (...given: Parameters<typeof fetch>) => (isSilent(given[0]) ? new Promise(() => undefined) : answer(...given)));
    expect(await read('weights.bin', { stallTimeoutMs: 1000 })).toBe(1000);
    silent = 2;
    expect(await refusal(read('weights.bin', { stallTimeoutMs: 50, cache: false }))).toMatchObject({ expected: 'a byte within 0.05 s' });
  });

  it('in the middle of a body is given up', async () => {
    const headers = { 'content-range': 'bytes 0-999/1000', etag: '"1"' };
    server.fault = () =>
      new Response(new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(7)) }), { status: 206, headers });
    expect(await refusal(read('weights.bin', { stallTimeoutMs: 50 }))).toMatchObject({
      code: 'NETWORK',
      got: expect.stringMatching(/^7 bytes, then .*the server sends nothing/),
    });
  });
});

describe('a size', () => {
  it.each([
    [206, { 'content-range': 'bytes 0-8388607/99999999999' }],
    [200, { 'content-length': '99999999999' }],
  ])('of a text that is too large is refused before its bytes come (status %i)', async (status, headers) => {
    server.fault = () => endless(status, headers);
    const files = await openPretrained(FOLDER);
    expect(await refusal(readText(files, 'config.json'))).toMatchObject({ code: 'NETWORK', got: '99999999999' });
  });

  it('that the bytes exceed ends the download', async () => {
    server.fault = () => endless(206, { 'content-range': 'bytes 0-999/1000' });
    expect(await refusal(read('weights.bin'))).toMatchObject({ code: 'NETWORK', expected: 'at most 1000 bytes' });
  });
});

it.each([
  ['a text', 'enough'],
  ['an SsmError', new SsmError({ code: 'NETWORK', what: 'a', expected: 'b', got: 'c', fix: 'd' })],
  ['nothing to speak of', null],
])('an abort stays an abort, whether its reason is %s', async (_, reason) => {
  expect(await read('weights.bin')).toBe(1000); // an earlier visit
  const controller = new AbortController();
  server.fault = () => {
    controller.abort(reason);
    throw new TypeError('Failed to fetch');
  };
  expect(await refusal(read('weights.bin', { signal: controller.signal }))).toBe(reason);
});

it('an abort ends the pause before another try', async () => {
  const controller = new AbortController();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }); // no time passes: the pause ends by the abort or never
  server.fault = () => new Response('', { status: 503 });
  const refused = refusal(read('weights.bin', { signal: controller.signal }));
  await expect.poll(() => vi.getTimerCount()).toBe(1);
  controller.abort('enough');
  expect(await refused).toBe('enough');
  expect(vi.getTimerCount()).toBe(0);
});
