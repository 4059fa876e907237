import { memory, mul, setBackend, sum, tensor1d } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { disposeGrads, valueAndGrads } from './gradients';
import { disposeTree } from './tree';

it.each(['cpu', 'wasm'])('gives the gradient of every parameter, null where the loss does not depend on one (%s)', async (backend) => {
  await setBackend(backend);
  const before = memory().numTensors;
  const params = { used: tensor1d([1, 2]), layers: [{ gate: tensor1d([5]) }, { gate: tensor1d([3]) }] };
  const result = valueAndGrads(({ used, layers }) => sum(mul(mul(used, used), layers[1]?.gate ?? 0)), params);
  expect([...(await result.value.data())]).toEqual([15]);
  expect([...((await result.grads.used?.data()) ?? [])]).toEqual([6, 12]);
  expect([...((await result.grads.layers[1]?.gate?.data()) ?? [])]).toEqual([5]);
  expect(result.grads.layers[0]?.gate).toBeNull();
  disposeGrads(result);
  disposeTree(params);
  expect(memory().numTensors).toBe(before);
});
