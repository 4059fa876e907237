import { backend, setBackend } from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { loadBuild } from './build';
import type { WasmBackend } from './heap';

const memory = (): WebAssembly.Memory => (backend() as unknown as WasmBackend).wasm.asm?.memory as WebAssembly.Memory;

beforeEach(async () => {
  await setBackend('wasm');
  vi.restoreAllMocks();
});

/** WebAssembly as it is, except that relaxed products give what `fused` says. */
function withRelaxedSimd(fused: number): void {
  const real = WebAssembly.instantiate as (
    bytes: BufferSource,
    imports?: WebAssembly.Imports,
  ) => Promise<WebAssembly.WebAssemblyInstantiatedSource>;
  vi.spyOn(WebAssembly, 'instantiate').mockImplementation((async (bytes: BufferSource, imports?: WebAssembly.Imports) => {
    const { module, instance } = await real(bytes, imports);
    return { module, instance: { exports: { ...instance.exports, fusesProducts: () => fused } } };
  }) as never);
}

describe('loadBuild', () => {
  it('takes relaxed SIMD where it rounds once', async () => {
    expect((await loadBuild(memory())).simd).toBe('relaxed');
  });

  it('takes standard SIMD where the self-test fails', async () => {
    withRelaxedSimd(0);
    expect((await loadBuild(memory())).simd).toBe('standard');
    await expect(loadBuild(memory(), 'relaxed')).rejects.toThrow(/its products are not fused with sums/);
  });

  it('tells the builds apart by that test', async () => {
    const fuses = async (simd: 'relaxed' | 'standard') =>
      ((await loadBuild(memory(), simd)).exports.fusesProducts as (probe: number) => number)(1 + 2 ** -12);
    expect([await fuses('relaxed'), await fuses('standard')]).toEqual([1, 0]);
  });

  it('takes standard SIMD where the engine knows no relaxed operations', async () => {
    const real = WebAssembly.instantiate as (
      bytes: BufferSource,
      imports?: WebAssembly.Imports,
    ) => Promise<WebAssembly.WebAssemblyInstantiatedSource>;
    let calls = 0;
    vi.spyOn(WebAssembly, 'instantiate').mockImplementation((async (bytes: BufferSource, imports?: WebAssembly.Imports) => {
      if (calls++ === 0) throw new WebAssembly.CompileError('invalid numeric opcode');
      return real(bytes, imports);
    }) as never);
    expect((await loadBuild(memory())).simd).toBe('standard');
  });
});
