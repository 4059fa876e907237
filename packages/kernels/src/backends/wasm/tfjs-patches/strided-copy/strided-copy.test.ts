import { concat, dispose, setBackend, split, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

type Type = 'float32' | 'int32' | 'bool';

/** A tensor of the current backend whose values are all different, where its type allows that. */
function numbered(shape: number[], dtype: Type): Tensor {
  const count = shape.reduce((product, length) => product * length, 1);
  const values = Array.from({ length: count }, (_, i) => (dtype === 'bool' ? i % 3 === 0 : i));
  return tensor(values as number[], shape, dtype);
}

/** What `run` makes on a backend, as plain data; frees all tensors. */
async function resultOn(backend: string, inputs: [number[], Type][], run: (tensors: Tensor[]) => Tensor[]) {
  await setBackend(backend);
  const tensors = inputs.map(([shape, dtype]) => numbered(shape, dtype));
  const outputs = run(tensors);
  const data = outputs.map(async (one) => ({ shape: one.shape, dtype: one.dtype, values: Array.from(await one.data()) }));
  const results = await Promise.all(data);
  dispose([...tensors, ...outputs]);
  return results;
}

const splits: [name: string, shape: number[], sizes: number | number[], axis: number, dtype: Type][] = [
  ['in equal parts', [2, 6], 3, 1, 'float32'],
  ['along the last axis', [2, 3, 15], [9, 5, 1], -1, 'float32'],
  ['along the first axis', [5, 3], [2, 3], 0, 'float32'],
  ['along an axis in the middle', [2, 5, 3], [1, 4], 1, 'float32'],
  ['with the rest last', [7, 2], [2, -1], 0, 'float32'],
  ['with an empty part', [4, 2], [0, 4], 0, 'float32'],
  ['nothing', [0, 4], 2, 1, 'float32'],
  ['integers', [3, 5], [2, 3], 1, 'int32'],
  ['truth values', [3, 4], 2, 1, 'bool'],
];
const joins: [name: string, inputs: [number[], Type][], axis: number][] = [
  ['along the last axis', [3, 8, 1].map((size) => [[2, 3, size], 'float32']), -1],
  ['along the first axis', [2, 3].map((size) => [[size, 5], 'float32']), 0],
  ['along an axis in the middle', [1, 4].map((size) => [[2, size, 3], 'float32']), 1],
  ['with an empty one', [4, 0, 2].map((size) => [[size, 2], 'float32']), 0],
  ['integers', [1, 2].map((size) => [[2, size], 'int32']), 1],
];

describe('SplitV and Concat on wasm', () => {
  it.each(splits)('split %s, as tfjs does on cpu', async (_, shape, sizes, axis, dtype) => {
    const run = ([x]: Tensor[]) => split(x as Tensor, sizes, axis);
    expect(await resultOn('wasm', [[shape, dtype]], run)).toEqual(await resultOn('cpu', [[shape, dtype]], run));
  });

  it.each(joins)('join %s, as tfjs does on cpu', async (_, inputs, axis) => {
    const run = (tensors: Tensor[]) => [concat(tensors, axis)];
    expect(await resultOn('wasm', inputs, run)).toEqual(await resultOn('cpu', inputs, run));
  });
});
