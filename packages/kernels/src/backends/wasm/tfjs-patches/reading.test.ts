import { backend, setBackend, type Tensor, type TypedArray, tensor } from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';

beforeAll(() => setBackend('wasm'));

const part = (x: Tensor, start?: number, end?: number) =>
  (backend() as unknown as { readSync(...range: unknown[]): TypedArray }).readSync(x.dataId, start, end);

it.each([
  ['float32', Float32Array, [1.5, -2, 0, 4]],
  ['int32', Int32Array, [1, -2, 0, 2 ** 30]],
  ['bool', Uint8Array, [1, 0, 0, 1]],
] as const)('reads all of a tensor and parts of it: %s', (type, Values, values) => {
  const x = tensor([...values], [2, 2], type);
  expect(x.dataSync()).toEqual(Values.from(values));
  expect(part(x, 1, 3)).toEqual(Values.from(values.slice(1, 3)));
  expect(part(x).buffer).toBeInstanceOf(ArrayBuffer); // the caller's own
  x.dispose();
});

it('reads what has no values', () => {
  const x = tensor([], [0, 3]);
  expect(x.dataSync()).toEqual(new Float32Array());
  x.dispose();
});
