import { crossEntropy } from '@densessm/kernels';
import { mamba } from '@densessm/mamba';
import { retnet } from '@densessm/retnet';
import { type AnyModel, disposeGrads, disposeTree, type TokenIds, tensorsOf, valueAndGrads } from '@densessm/ssm-core';
import { expectClose } from '@densessm/testing';
import { profile, reshape, type Scalar, type Tensor2D, type Tensor3D, zeros } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { IGNORED_TARGET } from '../data/batch';
import { mambaJson, retnetJson } from '../test-support/small-trainer';
import { toDevice } from './device-batch';
import { evaluate } from './evaluate';
import { microBatchGradients } from './gradients';

/** Together more than 64 MiB of logits. */
const [batchSize, length, vocabulary] = [3, 83, 70_001];
const LOGITS = batchSize * length * vocabulary;
const ids = (shift: number) => Int32Array.from({ length: batchSize * length }, (_, i) => ((i + shift) * 7919) % vocabulary);
const batch = { tokens: ids(0), targets: ids(1).fill(IGNORED_TARGET, 0, 5), batchSize, length };

describe('the loss of a large vocabulary', () => {
  it.each<[string, AnyModel, object, boolean]>([
    ['tied', mamba, { ...mambaJson, vocab_size: vocabulary }, false],
    ['with a head of its own', retnet, { ...retnetJson, vocab_size: vocabulary, share_decoder_input_output_embed: false }, false],
    ['with a carried state', mamba, { ...mambaJson, vocab_size: vocabulary }, true],
  ])('is that of all logits at once, gradients included, and never makes them: %s', async (_, model, json, carries) => {
    const config = model.parseConfig(json);
    const [params, device] = [model.init(config, 1) as object, toDevice(batch)];
    const state = carries ? model.initialState(config, batchSize) : undefined;
    const logitsOf = (current: object): Tensor3D => model.forward(current, config, device.tokens as TokenIds);
    const want = valueAndGrads((current) => {
      const logits = reshape(logitsOf(current), [-1, vocabulary]) as Tensor2D;
      return crossEntropy({ logits, targets: device.targets }, { ignoreIndex: IGNORED_TARGET }) as Scalar;
    }, params);
    let got: ReturnType<typeof microBatchGradients> | undefined;
    const { kernels } = await profile(() => {
      got = microBatchGradients({ model, config, options: {} }, params, device, 1, state);
      return zeros([1]);
    });
    const largest = Math.max(...kernels.flatMap(({ outputShapes }) => outputShapes.map((shape) => shape.reduce((a, b) => a * b, 1))));
    expect(largest).toBeLessThan(LOGITS / 10);
    await expectClose('loss', want.value, got?.loss as Scalar, 1e-6);
    const gradients = new Map([...tensorsOf(got?.grads)].map(([path, gradient]) => [path.join('.'), gradient]));
    expect(gradients.size).toBeGreaterThan(10);
    for (const [path, gradient] of tensorsOf(want.grads))
      await expectClose(path.join('.'), gradient, gradients.get(path.join('.')) ?? [], 1e-4, 1e-3);
    expect((await evaluate(model, config, params, [batch])).loss).toBeCloseTo((await want.value.data())[0] as number, 5);
    disposeGrads(want);
    disposeTree([params, device, state, got]);
  });
});
