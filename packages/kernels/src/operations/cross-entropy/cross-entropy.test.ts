import { describeKernelChecks, expectClose } from '@densessm/testing';
import {
  dispose,
  engine,
  type Rank,
  type Scalar,
  setBackend,
  type Tensor2D,
  tensor1d,
  tensor2d,
  valueAndGrad,
  zeros,
} from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { crossEntropyChecks } from './checks';
import { crossEntropy } from './kernel';

const IGNORED = -100;
describeKernelChecks(crossEntropyChecks);

describe.each(['cpu', 'wasm'])('crossEntropy on %s', (backend) => {
  it('stays finite where a float32 exp would not', async () => {
    await setBackend(backend);
    const logits = tensor2d([1e4, 0, -1e4, -3e4, -3e4, -3e4], [2, 3]);
    const targets = tensor1d([1, 2], 'int32');
    const { value, grad } = valueAndGrad((x) => crossEntropy({ logits: x as Tensor2D, targets }) as Scalar)(logits);
    expect((await value.data())[0]).toBeCloseTo((1e4 + Math.log(3)) / 2, 2);
    const gradient = await grad.data();
    await expectClose('gradient', [0.5, -0.5, 0, 1 / 6, 1 / 6, -1 / 3], gradient, 1e-5);
    dispose([logits, targets, value, grad]);
  });

  it('keeps nothing new but the loss between forward and backward', async () => {
    await setBackend(backend);
    const logits = zeros<Rank.R2>([16, 64]);
    const targets = zeros<Rank.R1>([16], 'int32');
    let kept = Number.NaN;
    const { value, grad } = valueAndGrad((x) => {
      const before = engine().memory().numDataBuffers;
      const loss = crossEntropy({ logits: x as Tensor2D, targets }) as Scalar;
      kept = engine().memory().numDataBuffers - before;
      return loss;
    })(logits);
    expect(kept).toBe(1); // the loss
    dispose([logits, targets, value, grad]);
  });

  it('counts only the rows that are not ignored', async () => {
    await setBackend(backend);
    const logits = tensor2d([1, 2, 3, 4, 0, 0], [3, 2]);
    const some = crossEntropy({ logits, targets: tensor1d([-7, 0, -7], 'int32') }, { ignoreIndex: -7 });
    const none = crossEntropy({ logits, targets: tensor1d([-7, -7, -7], 'int32') }, { ignoreIndex: -7 });
    expect((await some.data())[0]).toBeCloseTo(Math.log(1 + Math.E), 5);
    expect([...(await none.data())]).toEqual([0]);
  });

  it.each([3, -1, IGNORED - 1])('refuses target %i of 3 classes', async (target) => {
    await setBackend(backend);
    const logits = tensor2d([1, 2, 3], [1, 3]);
    expect(() => crossEntropy({ logits, targets: tensor1d([target], 'int32') })).toThrow(/`targets` holds an id outside/);
  });
});
