import { dispose, getBackend, getKernel, square, sum, tensor1d, valueAndGrad } from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startBackend } from './start-backend';

afterEach(() => vi.restoreAllMocks());

describe('startBackend', () => {
  it('prefers wasm and registers our kernels there', async () => {
    const { backend, reason } = await startBackend();
    expect([backend, getBackend()]).toEqual(['wasm', 'wasm']);
    expect(reason).toMatch(
      /^wasm: WebAssembly with relaxed SIMD, one thread, \d+ kernels of ours \(chosen by auto; webgpu failed: [^)]+\)$/,
    );
    expect(getKernel('SsmMatMul', 'wasm')).toBeDefined();
  });

  it('changes to another device when asked, and back', async () => {
    expect((await startBackend({ device: 'cpu' })).reason).toBe('cpu: plain JavaScript, which every machine runs (as asked)');
    expect(getBackend()).toBe('cpu');
    await startBackend({ device: 'wasm' });
    expect(getBackend()).toBe('wasm');
  });

  it('gives one answer to calls that overlap', async () => {
    const [one, other] = await Promise.all([startBackend({ device: 'wasm' }), startBackend({ device: 'wasm' })]);
    expect(one).toEqual(other);
  });

  it.each(['wasm', 'cpu'] as const)('registers gradients, and starts %s without a word on the console', async (device) => {
    const spoken = (['log', 'warn', 'error'] as const).map((level) => vi.spyOn(console, level).mockImplementation(() => undefined));
    await startBackend({ device });
    const x = tensor1d([1, 2, 3]);
    const { value, grad } = valueAndGrad((one) => sum(square(one)))(x);
    expect([...(await grad.data())]).toEqual([2, 4, 6]);
    dispose([x, value, grad]);
    for (const spy of spoken) expect(spy).not.toHaveBeenCalled();
  });

  it("leaves the user's unhandled errors alone", () => {
    const listeners = [...process.listeners('uncaughtException'), ...process.listeners('unhandledRejection')];
    // what Emscripten adds rethrows whatever is not its own ExitStatus, or aborts
    expect(listeners.map(String).filter((source) => /ExitStatus|abort\(|throw reason/.test(source))).toEqual([]);
  });
});
