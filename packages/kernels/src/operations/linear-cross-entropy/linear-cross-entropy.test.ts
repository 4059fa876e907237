import { SsmError, valueAndGrads } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { describeKernelChecks, sampleTensor } from '@densessm/testing';
import { dispose, mul, profile, type Scalar, setBackend, type Tensor, tensor1d, zeros } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { linearCrossEntropyChecks } from './checks';
import type { LinearCrossEntropyInputs } from './inputs';
import { linearCrossEntropy } from './kernel';

describeKernelChecks(linearCrossEntropyChecks);

const [rows, width, vocabulary] = [12, 5, 40];

function sample(): LinearCrossEntropyInputs {
  const random = mulberry32(5);
  const targets = Int32Array.from({ length: rows }, () => Math.floor(vocabulary * random()));
  return {
    x: sampleTensor({ shape: [rows, width] }, random) as LinearCrossEntropyInputs['x'],
    w: sampleTensor({ shape: [vocabulary, width] }, random) as LinearCrossEntropyInputs['w'],
    targets: tensor1d(targets, 'int32'),
  };
}

describe.each(['cpu', 'wasm'])('linearCrossEntropy on %s', (backend) => {
  it('never makes the logits of all rows', async () => {
    await setBackend(backend);
    const { targets, ...params } = sample();
    const { kernels } = await profile(() => {
      const loss = (given: typeof params) => linearCrossEntropy({ ...given, targets }, { logitValues: 3 * vocabulary });
      const { value, grads } = valueAndGrads(loss, params);
      dispose([value, grads.x as Tensor, grads.w as Tensor]);
      return zeros([1]);
    });
    const sizes = kernels.flatMap(({ outputShapes }) => outputShapes.map((shape) => shape.reduce((a, b) => a * b, 1)));
    expect(Math.max(...sizes)).toBe(Math.max(vocabulary * width, backend === 'wasm' ? 0 : 3 * vocabulary));
    dispose([params.x, params.w, targets]);
  });

  it('passes a factor of the loss on to the gradients', async () => {
    await setBackend(backend);
    const { targets, ...params } = sample();
    const gradientsOf = (factor: number) =>
      valueAndGrads((given: typeof params) => mul(linearCrossEntropy({ ...given, targets }), factor) as Scalar, params).grads;
    const [once, twice] = [gradientsOf(1), gradientsOf(2)];
    for (const name of ['x', 'w'] as const) {
      const values = await (once[name] as Tensor).data();
      expect([...(await (twice[name] as Tensor).data())]).toEqual(Array.from(values, (value) => 2 * value));
    }
  });

  it('has the loss and gradient NaN where a weight is', async () => {
    await setBackend(backend);
    const { x, w, targets } = sample();
    const broken = mul(w, Number.NaN) as typeof w;
    const { value, grads } = valueAndGrads((given: { x: typeof x }) => linearCrossEntropy({ ...given, w: broken, targets }), { x });
    expect((await value.data())[0]).toBeNaN();
    expect((await (grads.x as Tensor).data()).every(Number.isNaN)).toBe(true);
  });

  it('refuses a target outside of the vocabulary, and room for no logit', async () => {
    await setBackend(backend);
    const { x, w } = sample();
    const targets = tensor1d(new Int32Array(rows).fill(vocabulary), 'int32');
    expect(() => linearCrossEntropy({ x, w, targets })).toThrow(/`targets` holds an id outside/);
    expect(() => linearCrossEntropy({ x, w, targets }, { logitValues: 0 })).toThrow(SsmError);
  });

  it('is nothing for no rows', async () => {
    await setBackend(backend);
    const { w } = sample();
    const loss = linearCrossEntropy({ x: zeros([0, width]), w, targets: tensor1d([], 'int32') });
    expect([...(await loss.data())]).toEqual([0]);
  });
});
