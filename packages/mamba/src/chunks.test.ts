import { type AnyModel, disposeTree, mapTree, tensorsOf, tidyTree, valueAndGrads } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { distance, sampleTensor, someTokens } from '@densessm/testing';
import { add, mul, type Scalar, setBackend, sum, type Tensor } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { denseMamba2, mamba2 } from './index';

const sizes = { vocab_size: 11, hidden_size: 6, num_hidden_layers: 2, state_size: 3, num_heads: 4, head_dim: 3, n_groups: 2 };
const models: [name: string, model: AnyModel, json: object][] = [
  ['Mamba-2', mamba2, { ...sizes, model_type: 'mamba2' }],
  ['Dense Mamba-2', denseMamba2, { ...sizes, model_type: 'dense_mamba2', dense_block_layers: 1 }],
];

/** ‖a − b‖ / ‖a‖: float32 sums in another order differ everywhere, so the whole says more than the worst value. */
async function relativeNorm(reference: Tensor, actual: Tensor): Promise<number> {
  const [want, got] = [await reference.data(), await actual.data()];
  expect(distance(want, got).worst).toBeLessThan(Infinity);
  const [apart, whole] = [0, 1].map((of) => Math.hypot(...want.map((one, i) => one - (of === 0 ? (got[i] as number) : 0)))) as [
    number,
    number,
  ];
  return apart / Math.max(whole, 1e-3);
}

describe.each(models)('%s', (_, model, json) => {
  beforeAll(() => setBackend('wasm'));

  it.each([1, 16, 64])('computes the same in chunks of %i: logits, states and gradients', async (chunkSize) => {
    const random = mulberry32(4);
    const config = model.parseConfig(json);
    const fresh = model.init(config, 3);
    const params = mapTree(fresh, (one) => add(one, mul(sampleTensor({ shape: one.shape }, random), 0.3)));
    const tokens = someTokens(2, 37, 11); // no multiple of any chunk
    const weights = sampleTensor({ shape: [2, 37, 11] }, random);
    const all = (options: { chunkSize?: number }) => {
      const loss = (some: typeof params): Scalar => sum(mul(model.forward(some, config, tokens, options), weights));
      const [logits, state] = tidyTree(() => model.advance(params, config, tokens, model.initialState(config, 2), options));
      return { logits, state, ...valueAndGrads(loss, params) };
    };
    const [want, got] = [all({}), all({ chunkSize })];
    const reference = new Map([...tensorsOf(want)].map(([path, tensor]) => [path.join('.'), tensor]));
    for (const [path, tensor] of tensorsOf(got)) {
      const name = path.join('.');
      expect(await relativeNorm(reference.get(name) as Tensor, tensor), name).toBeLessThan(1e-5);
    }
    disposeTree([fresh, params, tokens, weights, want, got]);
  });
});
