import { matMul } from '@densessm/kernels';
import { kernelChecks } from '@densessm/kernels/checks';
import { describeKernelChecks } from '@densessm/testing';
import { dispose, findBackend, randomUniform, zeros } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBackend } from './start-backend';

const use = (threads: number) => startBackend({ device: 'wasm', threads });

beforeAll(async () => {
  await use(3); // the setup of all tests has started one thread, on a backend that is still empty
});
afterAll(() => use(1));

describe('startBackend with threads', () => {
  it('says how many it started', async () => {
    expect((await use(3)).reason).toMatch(/^wasm: WebAssembly with relaxed SIMD, 3 threads, \d+ kernels of ours \(as asked\)$/);
    expect((await startBackend()).reason).toContain('3 threads');
    expect((await use(1)).reason).toContain('one thread');
    expect((await use(2)).reason).toContain('2 threads');
  });

  it.each([0, -1, 1.5, 1000, Number.NaN])('refuses %s threads', async (threads) => {
    await expect(use(threads)).rejects.toThrow(/`threads` is not a number of threads/);
  });

  it('leaves the listeners for unhandled errors alone', () => {
    const sources = [...process.listeners('uncaughtException'), ...process.listeners('unhandledRejection')].map(String);
    expect(sources.filter((source) => /ExitStatus|abort\(|throw reason/.test(source))).toEqual([]);
  });

  it('works on memory that has grown since the threads started', async () => {
    await use(3);
    const memory = (findBackend('wasm') as unknown as { wasm: { asm: { memory: WebAssembly.Memory } } }).wasm.asm.memory;
    expect(memory.buffer).toBeInstanceOf(SharedArrayBuffer);
    const before = memory.buffer.byteLength;
    const large = zeros([before / 4]);
    const [a, b] = [randomUniform([256, 256]), randomUniform([256, 256])]; // beyond what there was
    const shared = matMul({ a, b });
    await use(1);
    const alone = matMul({ a, b });
    expect(memory.buffer.byteLength).toBeGreaterThan(before);
    expect(await shared.data()).toEqual(await alone.data());
    dispose([large, a, b, shared, alone]);
  });
});

describe('kernels on three threads', () => {
  beforeAll(() => use(3));
  describeKernelChecks(kernelChecks, { backends: ['wasm'] });
});
