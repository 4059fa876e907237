import { leavesOf, namedParams, valueAndGrads } from '@densessm/ssm-core';
import { add, mul, type Scalar, setBackend, slice, sum, type Tensor } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseDenseRetNetConfig } from './config';
import { denseRetNet } from './dense-retnet';
import { type DenseRetNetParams, denseRetNetSpec } from './spec';

const json = {
  vocab_size: 13,
  hidden_size: 64,
  query_key_dim: 32,
  v_factor: 2,
  num_attention_heads: 2,
  num_hidden_layers: 3,
  dense_block_layers: 1,
  pad_token_id: 4,
};
const tokens = [[1, 4, 2, 4, 7]];

/** Gradients of the sum of some logits by the name of the parameter. */
function gradientsOf(config: ReturnType<typeof parseDenseRetNetConfig>, params: DenseRetNetParams): Map<string, Tensor | null> {
  const loss = (current: DenseRetNetParams): Scalar => {
    const logits = denseRetNet.forward(current, config, tokens);
    return sum(add(mul(logits, logits), logits));
  };
  const { grads } = valueAndGrads(loss, params);
  return new Map([...namedParams(denseRetNetSpec(config), grads)].map(([leaf, gradient]) => [leaf.name, gradient as Tensor | null]));
}

const std = async (x: Tensor): Promise<number> => {
  const values = Array.from(await x.data());
  return Math.sqrt(values.reduce((total, value) => total + value * value, 0) / values.length);
};

beforeAll(() => setBackend('cpu'));

describe('DenseRetNet', () => {
  it('has the names and shapes of the release', () => {
    const { layers, ...rest } = denseRetNetSpec(parseDenseRetNetConfig(json));
    const lines = [...leavesOf({ ...rest, layer: layers[0] })].map(({ name, shape }) => `${name} [${shape.join(', ')}]`);
    expect(lines).toMatchInlineSnapshot(`
      [
        "model.embed_tokens.weight [13, 64]",
        "model.norm.weight [64]",
        "lm_head.weight [13, 64]",
        "model.retnet_rel_pos.angle [16]",
        "model.retnet_rel_pos.decay [2]",
        "model.layers.0.input_layernorm.weight [64]",
        "model.layers.0.self_attn.q_proj.weight [32, 64]",
        "model.layers.0.self_attn.k_proj.weight [32, 64]",
        "model.layers.0.self_attn.to_hidden.0.weight [256, 64]",
        "model.layers.0.self_attn.to_out.0.weight [64, 128]",
        "model.layers.0.self_attn.group_norm.weight [64]",
        "model.layers.0.self_attn.k_select.fc1.weight [2, 64]",
        "model.layers.0.self_attn.k_select.fc2.weight [32, 2]",
        "model.layers.0.self_attn.v_select.fc1.weight [2, 64]",
        "model.layers.0.self_attn.v_select.fc2.weight [128, 2]",
        "model.layers.0.self_attn.k_norm.weight [32]",
        "model.layers.0.self_attn.v_norm.weight [128]",
      ]
    `);
  });

  it('gives the gates and norms of layer 0 no gradient, and those above one', () => {
    const config = parseDenseRetNetConfig(json);
    const gradients = gradientsOf(config, denseRetNet.init(config, 1));
    const without = [...gradients].filter(([, gradient]) => gradient === null).map(([name]) => name);
    const unused = ['k_select.fc1', 'k_select.fc2', 'v_select.fc1', 'v_select.fc2', 'k_norm', 'v_norm'];
    expect(without.sort()).toEqual(unused.map((name) => `model.layers.0.self_attn.${name}.weight`).sort());
  });

  it('starts the padding row at zero and gives it no gradient', async () => {
    const config = parseDenseRetNetConfig(json);
    const params = denseRetNet.init(config, 1);
    const gradient = gradientsOf(config, params).get('model.embed_tokens.weight') as Tensor;
    const rowOf = async (x: Tensor, row: number) => [...(await slice(x, [row, 0], [1, -1]).data())];
    expect((await rowOf(params.embedTokens, 4)).every((value) => value === 0)).toBe(true);
    expect((await rowOf(gradient, 4)).every((value) => value === 0)).toBe(true);
    expect((await rowOf(gradient, 7)).every((value) => value !== 0)).toBe(true);
    expect((await rowOf(params.embedTokens, 7)).every((value) => value !== 0)).toBe(true);
  });

  it('gives a tied padding row the gradient of the head alone', async () => {
    const config = parseDenseRetNetConfig({ ...json, tie_word_embeddings: true });
    const gradient = gradientsOf(config, denseRetNet.init(config, 1)).get('model.embed_tokens.weight') as Tensor;
    expect((await slice(gradient, [4, 0], [1, -1]).data()).some((value) => value !== 0)).toBe(true);
  });

  it('norms k and v above layer 0 even without dense layers', async () => {
    const config = parseDenseRetNetConfig({ ...json, dense_block_layers: 0 });
    const params = denseRetNet.init(config, 1);
    const gradients = gradientsOf(config, params);
    expect(gradients.get('model.layers.1.self_attn.k_norm.weight')).not.toBeNull();
    expect(gradients.get('model.layers.1.self_attn.k_select.fc1.weight')).toBeNull();
  });

  it('starts matrices with the initializer range, and smaller ones with deepnorm', async () => {
    for (const deepnorm of [false, true]) {
      const config = parseDenseRetNetConfig({ ...json, deepnorm });
      const [layer] = denseRetNet.init(config, 1).layers;
      const { qProj, toHidden, toOut, kSelect } = (layer as DenseRetNetParams['layers'][number]).attention;
      const divisor = deepnorm ? 24 ** 0.25 : 1;
      const spreads = await Promise.all([qProj, toOut, toHidden, kSelect?.fc1 as Tensor].map(std));
      const wanted = [0.02, 0.02, 0.02 / divisor, 0.02 / divisor];
      for (const [i, spread] of spreads.entries()) expect(spread / (wanted[i] as number)).toBeGreaterThan(0.8);
      for (const [i, spread] of spreads.entries()) expect(spread / (wanted[i] as number)).toBeLessThan(1.2);
    }
  });

  it('counts a negative padding id from the end, as torch does', () => {
    expect(parseDenseRetNetConfig({ ...json, pad_token_id: -1 }).padTokenId).toBe(12);
  });
});
