import { dispose, getKernel, setBackend, split, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { replaceSplit } from './split';

const cases: [name: string, shape: number[], sizes: number | number[], axis: number, dtype: 'float32' | 'int32' | 'bool'][] = [
  ['in equal parts', [2, 6], 3, 1, 'float32'],
  ['along the last axis', [2, 3, 7], [4, 2, 1], -1, 'float32'],
  ['along the first axis', [5, 3], [2, 3], 0, 'float32'],
  ['along an axis in the middle', [2, 5, 3], [1, 4], 1, 'int32'],
  ['with the rest last', [7, 2], [2, -1], 0, 'float32'],
  ['with an empty part', [4, 2], [0, 4], 0, 'float32'],
  ['into one part', [3], 1, 0, 'bool'],
];

describe('SplitV on wasm', () => {
  it.each(cases)('splits %s, as tfjs does on cpu', async (_, shape, sizes, axis, dtype) => {
    const count = shape.reduce((product, length) => product * length, 1);
    const values = Array.from({ length: count }, (_, i) => (dtype === 'bool' ? i % 2 === 0 : i));
    const partsOn = async (backend: string) => {
      await setBackend(backend);
      const x = tensor(values as number[], shape, dtype);
      const parts: Tensor[] = split(x, sizes, axis);
      const results = await Promise.all(
        parts.map(async (one) => ({ shape: one.shape, dtype: one.dtype, values: Array.from(await one.data()) })),
      );
      dispose([x, ...parts]);
      return results;
    };
    expect(await partsOn('wasm')).toEqual(await partsOn('cpu'));
  });

  it('is replaced once', () => {
    const before = getKernel('SplitV', 'wasm')?.kernelFunc;
    replaceSplit();
    expect(getKernel('SplitV', 'wasm')?.kernelFunc).toBe(before);
  });
});
