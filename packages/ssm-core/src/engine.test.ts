import { mul, type Scalar, setBackend, sum, tensor1d } from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { detached } from './engine';
import { disposeGrads, valueAndGrads } from './gradients';

beforeAll(() => setBackend('cpu'));

it('lets no gradient through a detached tensor, which shares its memory', async () => {
  const x = tensor1d([2, -3]);
  const product = valueAndGrads(
    ({ x }) => {
      const fixed = detached(x);
      expect(fixed.dataId).toBe(x.dataId);
      return sum(mul(x, fixed)) as Scalar; // of x², if it were not detached
    },
    { x },
  );
  expect([...((await product.grads.x?.data()) ?? [])]).toEqual([2, -3]);
  disposeGrads(product);
  x.dispose();
});
