import {
  add,
  cumprod,
  customGrad,
  logSigmoid,
  memory,
  mul,
  type Scalar,
  setBackend,
  sum,
  type Tensor,
  tensor1d,
  tidy,
} from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { checkpointed } from './checkpointed';
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

const broken = customGrad((x) => ({
  value: mul(x as Tensor, 2),
  gradFunc: (dy) => {
    throw new TypeError(`no such thing as ${(dy as Tensor).rank}`);
  },
}));

it.each([
  ['logSigmoid', 'an input that it did not save', logSigmoid],
  ['Cumprod', 'no gradient at all', cumprod],
  ['of a customGrad', 'an error of its own', broken],
] as const)('names the operation %s, whose gradient has %s', async (name, _, operation) => {
  await setBackend('cpu');
  const x = tensor1d([1, 2, 3]);
  const before = memory().numTensors;
  const loss = ({ one }: { one: Tensor }) => tidy(() => sum(operation(add(one, 1))) as Scalar);
  for (const run of [loss, (params: { one: Tensor }) => checkpointed(loss, params, null)])
    expect(() => valueAndGrads(run, { one: x })).toThrow(
      expect.objectContaining({
        name: 'SsmError',
        code: 'OPTION',
        message: expect.stringContaining(`The gradient of the operation ${name}`),
      }),
    );
  expect(memory().numTensors).toBe(before);
  x.dispose();
});
