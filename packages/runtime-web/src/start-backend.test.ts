import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { getBackend } from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startBackend } from './start-backend';

const file = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm');
const binary = new Uint8Array(readFileSync(file));
const asked: string[] = [];

function answerWith(answer: () => Response): void {
  vi.stubGlobal('fetch', async (url: string | URL) => {
    asked.push(String(url));
    return answer();
  });
}
/** A worker of which nothing comes but what `then` makes of it. */
const worker = (then: (worker: { onerror?: (event: { message: string }) => void }) => void) =>
  vi.stubGlobal(
    'Worker',
    class {
      onerror?: (event: { message: string }) => void;
      postMessage = () => queueMicrotask(() => then(this));
      terminate = () => undefined;
    },
  );

beforeEach(() => vi.stubGlobal('crossOriginIsolated', true));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  asked.length = 0;
});
const two = { device: 'wasm', threads: 2, wasmUrl: '/assets/simd.wasm' } as const;

describe('startBackend in a page', () => {
  it('says why it has one thread, and refuses more by name, where the page is not isolated', async () => {
    vi.stubGlobal('crossOriginIsolated', false);
    expect((await startBackend({ threads: 2 })).reason).toContain(
      'one thread (the page is not cross-origin isolated: serve it with Cross-Origin-Opener-Policy: same-origin and',
    );
    await expect(startBackend(two)).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: startBackend: threads have no memory to share.
        expected  2 threads on one memory
        got       the page is not cross-origin isolated
        fix       serve it with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp for more threads; or leave \`threads\` out]
    `);
    expect(asked).toEqual([]);
  });

  it('tells where it looked for the binary', async () => {
    answerWith(() => new Response('none', { status: 404 }));
    await expect(startBackend(two)).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: startBackend: tfjs-backend-wasm-simd.wasm of @tensorflow/tfjs-backend-wasm is not at /assets/simd.wasm.
        expected  a WebAssembly module
        got       status 404
        fix       copy the file there from node_modules/@tensorflow/tfjs-backend-wasm/dist, or say in \`wasmUrl\` where it is]
    `);
    answerWith(() => new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } }));
    await expect(startBackend({ ...two, wasmUrl: undefined })).rejects.toThrow(/is not at tfjs-backend-wasm-simd.wasm[\s\S]*text\/html/);
    answerWith(() => {
      throw new TypeError('Failed to fetch');
    });
    await expect(startBackend(two)).rejects.toThrow(/Failed to fetch/);
    expect(asked).toEqual(['/assets/simd.wasm', 'tfjs-backend-wasm-simd.wasm', '/assets/simd.wasm']);
    expect(getBackend()).toBe('wasm');
  });

  it.each<[string, () => void, string]>([
    ['fails', () => worker((one) => one.onerror?.({ message: 'no room' })), 'no room'],
    ['is refused', () => worker((one) => one.onerror?.({ message: '' })), 'worker-src blob:'],
    ['says nothing', () => worker(() => vi.advanceTimersByTime(20_000)), 'no answer within 20 s'],
  ])('makes a worker that %s an error', async (_, arrange, got) => {
    answerWith(() => new Response(binary));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    arrange();
    await expect(startBackend(two)).rejects.toThrow(new RegExp(`a worker did not start[^]*${got}`));
  });
});
