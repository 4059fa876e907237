import { createRequire } from 'node:module';
import {
  dispose,
  getGradient,
  mul,
  registerGradient,
  square,
  sum,
  type Tensor,
  tensor1d,
  unregisterGradient,
  valueAndGrad,
} from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { startBackend } from './start-backend';

const { cache } = createRequire(import.meta.url);
const isLoaded = (): boolean => Object.keys(cache).some((path) => path.endsWith('gradients.cjs'));

it('loads the gradients of tfjs when one is first needed, and keeps what was registered before', async () => {
  await startBackend();
  const x = tensor1d([1, 2, 3]);
  const y = mul(x, x);
  expect(isLoaded()).toBe(false);

  registerGradient({ kernelName: 'Square', inputsToSave: ['x'], gradFunc: (dy) => ({ x: () => mul(dy as Tensor, 10) }) });
  const { value, grad } = valueAndGrad((one) => sum(mul(square(one), one)))(x);
  expect(isLoaded()).toBe(true);
  expect([...(await grad.data())]).toEqual([11, 24, 39]); // 10 x of the one registered above, and x²
  dispose([x, y, value, grad]);
  unregisterGradient('Square');
  expect(getGradient('Square')).toBeUndefined();
});
