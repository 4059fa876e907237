import { engine, findBackend, removeBackend, zeros } from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, it } from 'vitest';
import { type WasmPlatform, wasmStarter } from '../backends/wasm/starter';
import { cpuStarter } from './cpu-starter';
import { type StartOptions, startBackend } from './start-backend';

/** What the setup of all tests has started: one thread, on a memory of its own. */
const stock = findBackend('wasm');
const opened: boolean[] = [];

const platform: WasmPlatform = {
  openWasm: async (isShared) => {
    opened.push(isShared);
    throw new Error('no such file');
  },
  around: (change) => change(),
  spawn: () => expect.unreachable('a worker was started'),
  cores: 2,
};
const alone: WasmPlatform = { ...platform, lacksThreads: { why: 'no shared memory', fix: 'send the headers' } };

const start = (on: WasmPlatform, options: StartOptions<'wasm' | 'cpu'>) => startBackend([wasmStarter(on), cpuStarter], options);

afterEach(() => void opened.splice(0));

describe('startBackend on a platform', () => {
  it('says under auto why there is one thread, and goes on with the backend there is', async () => {
    const { backend, reason } = await start(alone, { threads: 2 });
    expect(backend).toBe('wasm');
    expect(reason).toMatch(
      /^wasm: WebAssembly with relaxed SIMD, one thread \(no shared memory: send the headers\), \d+ kernels of ours \(chosen by auto\)$/,
    );
    expect(findBackend('wasm')).toBe(stock);
    expect(opened).toEqual([]);
  });

  it('refuses more threads on a named device where they have no memory to share', async () => {
    await expect(start(alone, { device: 'wasm', threads: 2 })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: startBackend: threads have no memory to share.
        expected  2 threads on one memory
        got       no shared memory
        fix       send the headers; or leave \`threads\` out]
    `);
  });

  it('does not take a backend away from tensors', async () => {
    const tensor = zeros([2]);
    await expect(start(platform, { device: 'wasm', threads: 2 })).rejects.toThrow(/has 1 tensors on a memory of its own/);
    expect((await start(platform, { threads: 2 })).reason).toContain('one thread (the wasm backend has 1 tensors');
    expect([...(await tensor.data())]).toEqual([0, 0]);
    tensor.dispose();
  });

  it('leaves the backend there is where another cannot be opened', async () => {
    await expect(start(platform, { device: 'wasm', threads: 2 })).rejects.toThrow(/got +no such file/);
    expect(opened).toEqual([true]);
    expect(findBackend('wasm')).toBe(stock);
  });

  it('tries one thread, then cpu, under auto', async () => {
    removeBackend('wasm');
    const { backend, reason } = await start(platform, { threads: 2 });
    expect([backend, engine().backendName]).toEqual(['cpu', 'cpu']);
    expect(reason).toContain('chosen by auto; wasm failed: no such file');
    expect(opened).toEqual([true, false]);
  });
});
