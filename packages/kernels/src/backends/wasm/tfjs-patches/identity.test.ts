import { cast, clone, dispose, engine, getKernel, setBackend, tensor, tensor1d, variable } from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { replaceIdentity } from './identity';

beforeEach(async () => {
  await setBackend('wasm');
});

describe('Identity on wasm', () => {
  it('shares the data until its last owner is gone', async () => {
    const before = engine().memory().numDataBuffers;
    const x = tensor1d([1, 2, 3]);
    const [one, two] = [clone(x), clone(x)];
    expect(engine().memory().numDataBuffers).toBe(before + 1);
    dispose([x, one]);
    expect([...(await two.data())]).toEqual([1, 2, 3]);
    two.dispose();
    expect(engine().memory().numDataBuffers).toBe(before);
  });

  it('leaves a clone as it was when a variable changes', async () => {
    const x = variable(tensor1d([1, 2]), true, 'identity-test');
    const then = clone(x);
    x.assign(tensor1d([3, 4]));
    expect([...(await then.data())]).toEqual([1, 2]);
    dispose([x, then]);
  });

  it('copies texts as before', async () => {
    const x = tensor(['a', 'b'], [2], 'string');
    const y = clone(x);
    x.dispose();
    expect([...(await y.data<'string'>())]).toEqual(['a', 'b']);
    y.dispose();
  });

  it('is what a cast to the type that there is comes to', async () => {
    const before = engine().memory().numDataBuffers;
    const x = tensor1d([1.5, -2.5]);
    const same = cast(x, 'float32');
    expect(engine().memory().numDataBuffers).toBe(before + 1);
    const whole = cast(x, 'int32');
    x.dispose();
    expect([[...(await same.data())], [...(await whole.data())]]).toEqual([
      [1.5, -2.5],
      [1, -2],
    ]);
    dispose([same, whole]);
  });

  it('is replaced once', () => {
    const before = getKernel('Identity', 'wasm')?.kernelFunc;
    replaceIdentity();
    expect(getKernel('Identity', 'wasm')?.kernelFunc).toBe(before);
  });
});
