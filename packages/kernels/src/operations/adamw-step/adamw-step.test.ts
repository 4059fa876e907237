import { describeKernelChecks, expectClose } from '@densessm/testing';
import { dispose, setBackend, tensor1d, zeros } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { adamwStepChecks } from './checks';
import { adamwStep } from './kernel';

describeKernelChecks(adamwStepChecks);

describe.each(['cpu', 'wasm'])('adamwStep on %s', (backend) => {
  it('takes a first step of the learning rate against the sign of each gradient, whatever its size', async () => {
    await setBackend(backend);
    const grad = tensor1d([3, -2e-4, 0]);
    const [param, mean, square] = [tensor1d([1, 1, 1]), zeros([3]), zeros([3])];
    const outputs = adamwStep({ param, grad, mean, square }, { learningRate: 0.1, weightDecay: 0.5, step: 1 });
    // decay alone where the gradient is 0: 1 − 0.1 · 0.5
    await expectClose('parameter', [0.85, 1.05, 0.95], outputs[0], 1e-4);
    await expectClose('mean', [0.3, -2e-5, 0], outputs[1], 1e-6);
    await expectClose('square', [9e-3, 4e-11, 0], outputs[2], 1e-6);
    dispose([grad, param, mean, square, ...outputs]);
  });

  it('refuses averages of another shape', async () => {
    await setBackend(backend);
    const [two, three] = [zeros([2]), zeros([3])];
    expect(() => adamwStep({ param: two, grad: two, mean: three, square: two })).toThrow(/`mean` has the wrong shape/);
    dispose([two, three]);
  });
});
