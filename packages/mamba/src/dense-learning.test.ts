import { type AnyModel, disposeTree, mapTree, namedParams, tidyTree, valueAndGrads } from '@densessm/ssm-core';
import { someTokens } from '@densessm/testing';
import { mean, mul, type Scalar, setBackend, square, sub, type Tensor } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { denseMamba, denseMamba2 } from './index';

const sizes = { vocab_size: 16, hidden_size: 8, num_hidden_layers: 4, state_size: 4, initializer_range: 0.3 };
const families: [name: string, model: AnyModel, json: Record<string, unknown>][] = [
  ['DenseMamba', denseMamba, { ...sizes, model_type: 'dense_mamba' }],
  ['Dense Mamba-2', denseMamba2, { ...sizes, model_type: 'dense_mamba2', num_heads: 4, head_dim: 4, n_groups: 2 }],
];

/** The largest magnitude of each tensor whose name holds `part`. */
async function magnitudes(model: AnyModel, config: object, tree: unknown, part: string): Promise<number[]> {
  const found = [...namedParams(model.spec(config), tree)].filter(([{ name }]) => name.includes(part));
  return Promise.all(found.map(async ([, tensor]) => Math.max(...(await tensor.data()).map(Math.abs))));
}

describe.each(families)('a fresh %s', (_, model, json) => {
  beforeAll(() => setBackend('wasm'));

  it.each([
    ['state', ['dense_gate']],
    ['input', ['dense_B', 'dense_u']],
  ] as const)('learns its gates from the first step on (%s)', async (dense_fusion, connections) => {
    const config = model.parseConfig({ ...json, dense_block_layers: 1, dense_fusion });
    const params = model.init(config, 3);
    const tokens = someTokens(2, 8, 16);
    const loss = (some: typeof params): Scalar => mean(square(model.forward(some, config, tokens)));
    const { value, grads } = valueAndGrads(loss, params);
    for (const connection of connections) {
      // dL/dfc1 has the factor fc2 = 0, dL/dfc2 the factor SiLU'(0) = 1/2: as in LoRA only one of the two starts to move
      for (const size of await magnitudes(model, config, grads, `${connection}.fc2`)) expect(size).toBeGreaterThan(1e-6);
      for (const size of await magnitudes(model, config, grads, `${connection}.fc1`)) expect(size).toBe(0);
    }
    const updates = new Map([...namedParams(model.spec(config), params)].map(([leaf, tensor]) => [tensor, leaf.name]));
    const slopes = new Map([...namedParams(model.spec(config), grads)].map(([leaf, tensor]) => [leaf.name, tensor]));
    const stepped = tidyTree(() =>
      mapTree(params, (one) => sub(one, mul(slopes.get(updates.get(one) as string) as Tensor, 0.1))),
    ) as typeof params;
    for (const connection of connections) {
      for (const size of await magnitudes(model, config, stepped, `${connection}.fc2`)) expect(size).toBeGreaterThan(1e-7);
    }
    disposeTree([params, tokens, value, grads, stepped]);
  });
});
