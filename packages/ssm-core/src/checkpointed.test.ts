import { add, engine, memory, mul, type Scalar, setBackend, sin, sum, type Tensor, tensor1d, tidy } from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { checkpointed } from './checkpointed';
import { disposeGrads, valueAndGrads } from './gradients';
import { disposeTree } from './tree';

interface Inputs {
  x: Tensor;
  weights: { used: Tensor; unused: Tensor };
}
type Layer = (inputs: Inputs, constants: { shift: Tensor }) => { y: Tensor; shown: Tensor; x: Tensor; again: Tensor };

/** Three intermediate results, two outputs, an input that passes through and one output twice. */
const layer: Layer = ({ x, weights }, { shift }) => {
  const y = sin(mul(sin(add(mul(x, weights.used), shift)), 3));
  return { y, shown: mul(y, x), x, again: y };
};

const start = () => ({
  x: tensor1d([0.3, -1, 2]),
  weights: { used: tensor1d([1, 0.5, -2]), unused: tensor1d([1, 1, 1]) },
});
const constants = () => ({ shift: tensor1d([0.1, 0.2, 0.3]) });
const total = ({ y, shown, x, again }: ReturnType<Layer>): Scalar => sum(add(mul(y, shown), mul(x, again)));
type Wrap = (inputs: Inputs, given: { shift: Tensor }) => ReturnType<Layer>;
const plain: Wrap = (inputs, given) => layer(inputs, given);
const again: Wrap = (inputs, given) => checkpointed(layer, inputs, given);

/** Two layers, of which the second reads what the first shows. */
const loss = (wrap: Wrap, given: { shift: Tensor }) => (inputs: Inputs) =>
  tidy(() => {
    const first = wrap(inputs, given);
    return total(wrap({ ...inputs, x: first.shown }, given));
  });

describe('checkpointed', () => {
  beforeEach(() => setBackend('cpu'));

  it('gives the same value and gradients to the last bit, null for what is not read, and leaves nothing behind', async () => {
    const before = memory().numTensors;
    const [inputs, given] = [start(), constants()];
    const [want, got] = [plain, again].map((wrap) => valueAndGrads(loss(wrap, given), inputs)) as [Result, Result];
    type Result = ReturnType<typeof valueAndGrads<Inputs>>;
    expect(await got.value.data()).toEqual(await want.value.data());
    expect(await got.grads.x?.data()).toEqual(await want.grads.x?.data());
    expect(await got.grads.weights.used?.data()).toEqual(await want.grads.weights.used?.data());
    expect([got.grads.weights.unused, want.grads.weights.unused]).toEqual([null, null]);
    for (const result of [want, got]) disposeGrads(result);
    disposeTree([inputs, given]);
    expect(memory().numTensors).toBe(before);
  });

  it('keeps its inputs and outputs between forward and backward, and nothing else', () => {
    const kept = (wrap: Wrap): number => {
      const [inputs, given] = [start(), constants()];
      const before = memory().numDataBuffers;
      let count = 0;
      const result = valueAndGrads((some: Inputs) => {
        const value = tidy(() => total(wrap(some, given)));
        count = memory().numDataBuffers - before;
        return value;
      }, inputs);
      disposeGrads(result);
      disposeTree([inputs, given]);
      return count;
    };
    const ofTotal = 2 + 4; // y and shown, of which `total` makes two products, their sum and the value, and keeps all
    expect(kept(again)).toBe(ofTotal);
    expect(kept(plain)).toBeGreaterThan(ofTotal + 3);
  });

  it('is just a call outside of a loss', () => {
    const [inputs, given] = [start(), constants()];
    const outputs = checkpointed(layer, inputs, given);
    expect(outputs.x).toBe(inputs.x);
    disposeTree([inputs, given, { ...outputs, x: undefined, again: undefined }]);
  });

  it('may stand inside another', async () => {
    const [inputs, given] = [start(), constants()];
    const outer: Wrap = (some, constant) => checkpointed(again, some, constant);
    const [want, got] = [plain, outer].map((wrap) => valueAndGrads(loss(wrap, given), inputs));
    expect(await got?.grads.x?.data()).toEqual(await want?.grads.x?.data());
  });

  it('refuses a function that reads what it was not given, and second derivatives', () => {
    const before = memory().numTensors;
    const [inputs, given] = [start(), constants()];
    const closing = (some: Inputs) => checkpointed((own: Inputs) => total(layer(own, given)), some, {});
    expect(() => valueAndGrads(closing, inputs)).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: checkpointed: the function reads a tensor that it was not given.
        expected  a function of its inputs and constants alone
        got       another tensor of shape [3]
        fix       pass the tensor among the inputs, or among the constants where it needs no gradient]
    `);
    const twice = (some: Inputs) => sum(valueAndGrads(loss(again, given), some).grads.x as Tensor) as Scalar;
    expect(() => valueAndGrads(twice, inputs)).toThrow(/cannot be differentiated again/);
    disposeTree([inputs, given]);
    expect(memory().numTensors).toBe(before);
  });

  it.each(['forward', 'backward'])('lets an error of %s out, and leaves the tape as it should be', async (when) => {
    const before = memory().numTensors;
    const [inputs, given] = [start(), constants()];
    let runs = 0;
    const failing: Layer = (some, constant) => {
      const outputs = layer(some, constant);
      if (++runs === (when === 'forward' ? 2 : 3)) throw new Error('out of memory');
      return outputs;
    };
    const wrap: Wrap = (some, constant) => checkpointed(failing, some, constant);
    expect(() => valueAndGrads(loss(wrap, given), inputs)).toThrow('out of memory');
    expect([engine().state.gradientDepth, engine().state.kernelDepth, memory().numTensors]).toEqual([0, 0, before + 4]); // inputs and constants
    const result = valueAndGrads(loss(again, given), inputs);
    expect(Number.isFinite((await result.value.data())[0])).toBe(true);
    disposeGrads(result);
    disposeTree([inputs, given]);
    expect(memory().numTensors).toBe(before);
  });
});
