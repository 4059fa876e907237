import { fileURLToPath } from 'node:url';
import { loadParams } from '@densessm/checkpoint';
import { crossEntropy } from '@densessm/kernels';
import { type HiddenStates, namedParams, type SequenceModel, tidyTree, valueAndGrads } from '@densessm/ssm-core';
import { advanceInPieces, expectClose } from '@densessm/testing';
import { readFixture, rowNormalizedRetention, type StoredTensor } from '@densessm/conformance';
import { reshape, setBackend, slice, sub, type Tensor, type Tensor1D, type Tensor2D, tensor, transpose } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { denseRetNet, type RetentionState, type RetNetOptions, retnet } from './index';
import { retentionScale } from './positions';

type Model = SequenceModel<{ vocabSize: number }, object, RetentionState>;
const folders = [
  ['retnet_gelu_h2', retnet, '', ({ embeddings, layers }: HiddenStates) => [embeddings, ...layers]],
  [
    'dense_retnet_deepnorm',
    denseRetNet,
    'rot.',
    ({ embeddings, layers, final }: HiddenStates) => [embeddings, ...layers.slice(0, -1), final],
  ],
] as unknown as [string, Model, string, (states: HiddenStates) => Tensor[]][];

/** Relative to each tensor's RMS, the row normalizer of the reference's parallel mode left out and put in. */
const GRADIENT_BOUNDS: [string, RetNetOptions, number][] = [
  ['as we retain', {}, 5e-3],
  ['row-normalized', { retention: rowNormalizedRetention }, 1e-4],
];

async function load(name: string, model: Model) {
  const fixture = readFixture(fileURLToPath(new URL(`../../../fixtures/${name}`, import.meta.url)));
  if (!('model' in fixture)) throw new Error(`${name} holds no model`);
  const config = model.parseConfig(fixture.model.config);
  const params = (await loadParams(model.spec(config), fixture.model.weights)) as object;
  const stored = (key: string) => fixture.tensors.get(key) as StoredTensor;
  const tokens = (length: number): Tensor2D => {
    const { values, shape } = stored(`L${length}.input_ids`);
    return tensor(Int32Array.from(values), shape as [number, number], 'int32') as Tensor2D;
  };
  const lengths = fixture.expected.lengths as Record<string, { max_abs_diff_parallel_vs_step: number }>;
  return { fixture, config, params, stored, tokens, lengths };
}

/** In the unit of the values: the worst difference. */
async function expectWithin(name: string, expected: StoredTensor, actual: Tensor, bound: number) {
  const want = tensor(Float32Array.from(expected.values), expected.shape);
  await expectClose(name, new Float32Array(actual.size), await sub(want, actual).data(), bound, 1);
}

beforeAll(() => setBackend('cpu'));

describe.each(folders)('%s', (name, model, stateKey, hidden) => {
  it('gives the logits of the parallel mode, within twice what its modes differ', async () => {
    const { config, params, stored, tokens, lengths } = await load(name, model);
    for (const [length, record] of Object.entries(lengths)) {
      const logits = model.forward(params, config, tokens(Number(length)));
      await expectWithin(`L${length}`, stored(`L${length}.logits`), logits, Math.max(1e-4, 2 * record.max_abs_diff_parallel_vs_step));
    }
  });

  it('gives the logits and hidden states of the parallel mode with its row normalizer', async () => {
    const { config, params, stored, tokens } = await load(name, model);
    const options: RetNetOptions = { retention: rowNormalizedRetention };
    const states = model.hiddenStates(params, config, tokens(7), options);
    await expectWithin('logits', stored('L7.logits'), states.logits, 1e-4);
    for (const [i, state] of hidden(states).entries()) await expectWithin(`hidden ${i}`, stored(`L7.hidden.${i}`), state, 1e-4);
  });

  it('gives the logits and states of the recurrent mode, in uneven pieces', async () => {
    const { config, params, stored, tokens } = await load(name, model);
    const [logits, state] = tidyTree(() => advanceInPieces(model, params, config, tokens(7), [1, 5, 1]));
    await expectWithin('logits', stored('L7.step_logits'), logits, 1e-4);
    for (const [l, { kv }] of state.layers.entries()) {
      const roots = retentionScale(kv.shape[1], 7).map(Math.sqrt);
      const scaled = (await transpose(kv, [0, 1, 3, 2]).data()).map((value, i) => {
        const [, heads, keys, values] = kv.shape;
        return value / (roots[Math.floor(i / (keys * values)) % heads] as number);
      });
      await expectClose(`layer ${l}`, Float32Array.from(stored(`L7.state.${stateKey}${l}.kv`).values), scaled as Float32Array, 1e-4);
    }
  });

  it.each(GRADIENT_BOUNDS)('gives every gradient, %s', async (_, options, bound) => {
    const { config, params, stored, tokens, fixture } = await load(name, model);
    const ids = tokens(33);
    const [batch, length] = ids.shape;
    const loss = (current: object) => {
      const logits = slice(model.forward(current, config, ids, options), [0, 0, 0], [batch, length - 1, -1]);
      const targets = reshape(slice(ids, [0, 1], [batch, length - 1]), [-1]) as Tensor1D;
      return crossEntropy({ logits: reshape(logits, [-1, config.vocabSize]), targets });
    };
    const { grads } = valueAndGrads(loss as never, params);
    const { no_grad_params: unused } = (fixture.expected.grads as { 33: { no_grad_params: string[] } })[33];
    const gradients = [...namedParams(model.spec(config), grads)].map(
      ([leaf, gradient]) => [leaf.name, gradient as Tensor | null] as const,
    );
    expect(
      gradients
        .filter(([, gradient]) => gradient === null)
        .map(([parameter]) => parameter)
        .sort(),
    ).toEqual([...unused].sort());
    for (const [parameter, gradient] of gradients)
      if (gradient) await expectClose(parameter, Float32Array.from(stored(`L33.grad.${parameter}`).values), await gradient.data(), bound);
  });
});
