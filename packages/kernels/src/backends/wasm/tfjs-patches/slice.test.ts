import { dispose, getKernel, setBackend, slice, tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { replaceSlice } from './slice';

const numbers = (shape: number[], dtype: 'float32' | 'int32' | 'bool' = 'float32') => {
  const size = shape.reduce((product, length) => product * length, 1);
  return { values: Array.from({ length: size }, (_, i) => (dtype === 'bool' ? i % 3 === 0 : i)), shape, dtype };
};

const cases = [
  ['of one axis', numbers([7]), [2], [3]],
  ['of the first axis', numbers([5, 3, 2]), [1, 0, 0], [3, 3, 2]],
  ['of the last axis', numbers([3, 4, 5]), [0, 0, 1], [3, 4, 2]],
  ['of an axis in the middle', numbers([3, 4, 5]), [0, 2, 0], [3, 2, 5]],
  ['of every axis', numbers([3, 4, 5, 2]), [1, 2, 1, 1], [2, 1, 3, 1]],
  ['of six axes', numbers([2, 3, 2, 3, 2, 3]), [1, 0, 0, 1, 0, 1], [1, 2, 2, 2, 1, 2]],
  ['of everything', numbers([2, 3]), [0, 0], [2, 3]],
  ['of nothing', numbers([2, 3, 4]), [0, 3, 0], [2, 0, 4]],
  ['to the end', numbers([4, 3]), [1, 0], [-1, 2]],
  ['of integers', numbers([4, 3], 'int32'), [1, 1], [2, 2]],
  ['of truth values', numbers([4, 3], 'bool'), [1, 1], [2, 2]],
  ['of texts', { values: ['a', 'b', 'c', 'd'], shape: [2, 2], dtype: 'string' }, [0, 1], [2, 1]],
] as const;

describe('Slice on wasm', () => {
  it.each(cases)('takes a part %s, as tfjs does on cpu', async (_, { values, shape, dtype }, begin, size) => {
    const partOn = async (backend: string) => {
      await setBackend(backend);
      const x = tensor(values as never, shape as unknown as number[], dtype);
      const part = slice(x, begin as unknown as number[], size as unknown as number[]);
      const result = { shape: part.shape, dtype: part.dtype, values: Array.from(await part.data()) };
      dispose([x, part]);
      return result;
    };
    expect(await partOn('wasm')).toEqual(await partOn('cpu'));
  });

  it('is replaced once', () => {
    const before = getKernel('Slice', 'wasm')?.kernelFunc;
    replaceSlice();
    expect(getKernel('Slice', 'wasm')?.kernelFunc).toBe(before);
  });
});
