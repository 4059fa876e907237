import { SsmError } from '@densessm/ssm-core';
import { describe, expect, it } from 'vitest';
import { Heap, type WasmBackend } from './heap';

/** A backend whose allocator hands out the given addresses, as Emscripten does: signed, and 0 where there is no room. */
function backendWith(addresses: number[]): { backend: WasmBackend; freed: number[] } {
  const freed: number[] = [];
  const backend: WasmBackend = {
    wasm: { _malloc: (size) => (size === 0 ? 0 : (addresses.shift() ?? 0)), _free: (address) => freed.push(address) },
    dataIdMap: { get: () => ({ memoryOffset: addresses.shift() ?? 0 }) },
    makeOutput: (shape, dtype) => ({ dataId: {}, shape, dtype }),
    disposeData: () => true,
  };
  return { backend, freed };
}

describe('Heap', () => {
  it('keeps its scratch buffer until a larger one is needed', () => {
    const { backend, freed } = backendWith([64, 128]);
    const heap = new Heap(backend);
    expect([heap.scratch(100), heap.scratch(40), heap.scratch(200), heap.scratch(200)]).toEqual([64, 64, 128, 128]);
    expect(freed).toEqual([0, 0, 64]); // free(0) does nothing
  });

  it('reads addresses above 2 GiB, which Emscripten gives as negative numbers', () => {
    const { backend } = backendWith([-(2 ** 31) + 16, -16]);
    const heap = new Heap(backend);
    expect(heap.scratch(4)).toBe(2 ** 31 + 16);
    expect(heap.address({ dataId: {}, shape: [2], dtype: 'float32' })).toBe(2 ** 32 - 16);
  });

  it('says that the heap is full, instead of writing to address 0', () => {
    const heap = new Heap(backendWith([]).backend);
    expect(() => heap.address({ dataId: {}, shape: [2, 3], dtype: 'float32' })).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: wasm: the heap has no room left.
        expected  no more than 4 GiB of tensors at a time
        got       a tensor [2, 3]
        fix       dispose of tensors that are no longer needed (tidy), or use a smaller batch or model]
    `);
    expect(() => heap.scratch(64)).toThrow(SsmError);
    expect(heap.address({ dataId: {}, shape: [0, 3], dtype: 'float32' })).toBe(0);
  });

  it("says so too where tfjs's list of tensors finds no room, and frees what the tensor had", () => {
    const { backend, freed } = backendWith([]);
    const registerTensor = (..._: number[]): void => {
      throw new WebAssembly.RuntimeError('Aborted()');
    };
    const tfjs = { registerTensor };
    new Heap({ ...backend, wasm: { ...backend.wasm, tfjs } });
    freed.length = 0;
    expect(() => tfjs.registerTensor(1, 6, 64)).toThrow(/no room left[\s\S]*a tensor of 6 numbers/);
    expect(freed).toEqual([64]);
  });
});
