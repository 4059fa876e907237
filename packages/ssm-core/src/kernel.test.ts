import { add, engine, memory, mul, setBackend, sum, type Tensor, tensor1d, unregisterKernel } from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { defineKernel, specialize } from './kernel';

interface Inputs {
  x: Tensor;
  scale?: Tensor;
}
let referenceRuns = 0;

/** y = x², z = x · scale: two outputs, an optional input, an attribute. */
const squareAndScale = defineKernel<Inputs, Tensor[], { factor: number }>({
  name: 'TestSquareAndScale',
  inputs: { x: ['n'], scale: { dims: ['n'], optional: true } },
  fix: 'give x and scale one length',
  attrs: { factor: 1 },
  reference: ({ x, scale }, { factor }) => {
    referenceRuns++;
    return [mul(mul(x, x), factor), scale ? mul(x, scale) : x.clone()];
  },
  backward: ([dy, dz], { x, scale }, _, { factor }) => ({
    x: () => add(mul(dy as Tensor, mul(x, 2 * factor)), scale ? mul(dz as Tensor, scale) : (dz as Tensor)),
    scale: () => mul(dz as Tensor, x),
  }),
});

describe('defineKernel', () => {
  beforeEach(async () => {
    await setBackend('cpu');
    referenceRuns = 0;
  });

  it('runs the reference with default and given attributes', async () => {
    const [square] = squareAndScale({ x: tensor1d([1, 2, 3]) }, { factor: 10 });
    expect([...((await square?.data()) ?? [])]).toEqual([10, 40, 90]);
  });

  it('has the declared gradient through every output, and keeps only inputs and outputs meanwhile', async () => {
    const [x, scale] = [tensor1d([1, 2, 3]), tensor1d([5, 5, 7])];
    const before = memory().numTensors;
    const buffers = memory().numDataBuffers;
    let kept = 0;
    const { value, grads } = engine().gradients(() => {
      const [y, z] = squareAndScale({ x, scale }) as [Tensor, Tensor];
      const total = add(sum(y), sum(z));
      kept = memory().numDataBuffers;
      return total;
    }, [x, scale]);
    expect([...((await grads[0]?.data()) ?? [])]).toEqual([2 + 5, 4 + 5, 6 + 7]);
    expect([...((await grads[1]?.data()) ?? [])]).toEqual([1, 2, 3]);
    expect(kept - buffers).toBe(5); // y, z, their sums and the total: no intermediate of the reference
    for (const tensor of [value, ...grads]) tensor.dispose();
    expect(memory().numTensors).toBe(before);
  });

  it('runs the fast version of a backend that has one, with the same gradient', async () => {
    const supports = ({ x: one }: Inputs) => one.size < 3 || 'more than two numbers';
    specialize(squareAndScale, 'cpu', { supports, run: ({ inputs: { x } }) => [mul(x, 100), mul(x, 200)] });
    const [y] = squareAndScale({ x: tensor1d([1, 2]) });
    expect([...((await y?.data()) ?? [])]).toEqual([100, 200]);
    expect(referenceRuns).toBe(0);
    expect([...((await squareAndScale({ x: tensor1d([1, 2, 3]) })[0]?.data()) ?? [])], 'the reference serves').toEqual([1, 4, 9]);
    expect(referenceRuns).toBe(1);
    specialize(squareAndScale, 'cpu', { supports: () => true, run: ({ inputs: { x } }) => [mul(x, 3), mul(x, 4)] });
    expect([...((await squareAndScale({ x: tensor1d([1]) })[0]?.data()) ?? [])]).toEqual([3]);
    unregisterKernel('TestSquareAndScale', 'cpu');
  });

  it('checks shapes, types and presence before anything runs', () => {
    expect(() => squareAndScale({ x: tensor1d([1, 2]), scale: tensor1d([1]) })).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: TestSquareAndScale: \`scale\` has the wrong shape.
        expected  [n] with {"n":2}
        got       [1]
        fix       give x and scale one length]
    `);
    expect(() => squareAndScale({ x: tensor1d([1, 2], 'int32') })).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: TestSquareAndScale: \`x\` is not what the kernel takes.
        expected  float32
        got       int32
        fix       cast it: cast(x, 'float32')]
    `);
    expect(() => squareAndScale({} as Inputs)).toThrow(/`x` is not what the kernel takes/);
    expect(referenceRuns).toBe(0);
  });
});
