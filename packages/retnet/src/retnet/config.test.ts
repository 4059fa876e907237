import { leavesOf, SsmError } from '@densessm/ssm-core';
import { describe, expect, it } from 'vitest';
import { parseDenseRetNetConfig } from '../dense-retnet/config';
import { denseRetNet } from '../dense-retnet/dense-retnet';
import { parseRetNetConfig } from './config';
import { retnet } from './retnet';

const torchscale = { vocab_size: 97, decoder_embed_dim: 32, decoder_value_embed_dim: 64, decoder_retention_heads: 2, multiway: false };
const ours = { ...torchscale, model_type: 'retnet' };
const official = {
  vocab_size: 97,
  hidden_size: 32,
  query_key_dim: 16,
  v_factor: 2,
  num_attention_heads: 2,
  num_hidden_layers: 2,
  dense_block_layers: 1,
};

/** One line for each change of a config: what the error says of it. */
function complaints(parse: (json: unknown) => unknown, json: object, changes: Record<string, object>): string[] {
  return Object.entries(changes).map(([name, change]) => {
    try {
      parse({ ...json, ...change });
    } catch (error) {
      if (error instanceof SsmError)
        return `${name}: ${error.code} ${error.message.split('\n')[0]} expected ${error.expected}; got ${error.got}`;
      throw error;
    }
    return `${name}: no error`;
  });
}

describe('parseRetNetConfig', () => {
  it('takes missing keys to mean what torchscale means by it', () => {
    expect(parseRetNetConfig(torchscale)).toMatchObject({
      activation: 'gelu',
      normalizeBefore: true,
      scaleEmbedding: false,
      feedForwardSize: 1280,
      numHiddenLayers: 12,
      dense: { denseLayers: 0 },
    });
  });

  it('ignores unknown keys in foreign files only', () => {
    expect(parseRetNetConfig({ ...torchscale, decoder_heads: 3 }).numHeads).toBe(2);
    expect(() => parseRetNetConfig({ ...ours, decoder_heads: 3 })).toThrow(/`decoder_heads` cannot be used/);
  });

  it('writes back what it does not use', () => {
    const config = parseRetNetConfig({ ...torchscale, dropout: 0.1, eos_token_id: 2 });
    expect(retnet.configToJson(config)).toMatchObject({ model_type: 'retnet', dropout: 0.1, eos_token_id: 2, decoder_embed_dim: 32 });
    expect(parseRetNetConfig(retnet.configToJson(config))).toEqual(config);
  });

  it('is frozen', () => expect(Object.isFrozen(parseRetNetConfig(torchscale))).toBe(true));

  it('refuses what cannot work or is not built', () => {
    const changes = {
      'odd number of keys per head': { decoder_embed_dim: 30 },
      'keys that the heads cannot share': { decoder_embed_dim: 33 },
      'values that the heads cannot share': { decoder_value_embed_dim: 65 },
      'other activation': { activation_fn: 'tanh' },
      multiway: { multiway: true },
      experts: { moe_freq: 2 },
      'no output layer': { no_output_layer: true },
      'no vocabulary': { vocab_size: -1 },
      'negative eps': { layernorm_eps: -1 },
      'text for a number': { decoder_layers: '2' },
      'fusion nobody knows': { dense_block_layers: 1, dense_fusion_method: 'multiply' },
    };
    expect(complaints(parseRetNetConfig, torchscale, changes)).toMatchInlineSnapshot(`
      [
        "odd number of keys per head: CONFIG parseRetNetConfig: \`decoder_embed_dim\` cannot be used. expected a multiple of 4: an even number of keys for each of the 2 heads; got 30",
        "keys that the heads cannot share: CONFIG parseRetNetConfig: \`decoder_embed_dim\` cannot be used. expected a multiple of 4: an even number of keys for each of the 2 heads; got 33",
        "values that the heads cannot share: CONFIG parseRetNetConfig: \`decoder_value_embed_dim\` cannot be used. expected values that the 2 heads share evenly, not 65; got 65",
        "other activation: CONFIG parseRetNetConfig: \`activation_fn\` cannot be used. expected "gelu" or "swish" or "relu"; got "tanh"",
        "multiway: CONFIG parseRetNetConfig: \`multiway\` cannot be used. expected false; got true",
        "experts: CONFIG parseRetNetConfig: \`moe_freq\` cannot be used. expected 0; got 2",
        "no output layer: CONFIG parseRetNetConfig: \`no_output_layer\` cannot be used. expected false; got true",
        "no vocabulary: CONFIG parseRetNetConfig: \`vocab_size\` cannot be used. expected an integer from 1 to 2147483647; got -1",
        "negative eps: CONFIG parseRetNetConfig: \`layernorm_eps\` cannot be used. expected a number from 0 to Infinity; got -1",
        "text for a number: CONFIG parseRetNetConfig: \`decoder_layers\` cannot be used. expected an integer from 1 to 16384; got "2"",
        "fusion nobody knows: CONFIG parseRetNetConfig: \`dense_fusion_method\` cannot be used. expected "add" or "concat" or "attention"; got "multiply"",
      ]
    `);
  });

  it('says how to fix what it refuses', () => {
    expect(() => parseRetNetConfig({ ...torchscale, moe_freq: 2 })).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: parseRetNetConfig: \`moe_freq\` cannot be used.
        expected  0
        got       2
        fix       mixtures of experts are not built here; train with moe_freq 0]
    `);
  });
});

describe('parseDenseRetNetConfig', () => {
  it('takes missing keys to mean what transformers means by it', () => {
    expect(parseDenseRetNetConfig(official)).toMatchObject({
      normEps: 1e-6,
      padTokenId: undefined,
      initializerRange: 0.02,
      valueDim: 64,
      dense: { denseLayers: 1, gate: 'mlp', gateRank: 1 },
    });
  });

  it('refuses what cannot work', () => {
    const changes = {
      'keys that the heads cannot share': { query_key_dim: 18 },
      'values that the heads cannot share': { v_factor: 33 / 32 },
      'fraction of a value': { v_factor: 1.01 },
      'padding outside the vocabulary': { pad_token_id: 97 },
      'no layers': { num_hidden_layers: 0 },
      'nothing to connect with': { dense_gate: 'none', dense_projection: 'none' },
    };
    expect(complaints(parseDenseRetNetConfig, official, changes)).toMatchInlineSnapshot(`
      [
        "keys that the heads cannot share: CONFIG parseDenseRetNetConfig: \`query_key_dim\` cannot be used. expected a multiple of 4: an even number of keys for each of the 2 heads; got 18",
        "values that the heads cannot share: CONFIG parseDenseRetNetConfig: \`v_factor\` cannot be used. expected values that the 2 heads share evenly, not 33; got 1.03125",
        "fraction of a value: CONFIG parseDenseRetNetConfig: \`v_factor\` cannot be used. expected a factor that makes 32 a whole number of values; got 1.01",
        "padding outside the vocabulary: CONFIG parseDenseRetNetConfig: \`pad_token_id\` cannot be used. expected an integer from -97 to 96; got 97",
        "no layers: CONFIG parseDenseRetNetConfig: \`num_hidden_layers\` cannot be used. expected an integer from 1 to 16384; got 0",
        "nothing to connect with: CONFIG parseDenseRetNetConfig: \`dense_projection\` cannot be used. expected "identity" or "linear", since dense_gate is "none"; got "none"",
      ]
    `);
  });
});

describe('a RetNet of another implementation', () => {
  it.each<[string, object, RegExp]>([
    [
      "flash-linear-attention's",
      { model_type: 'retnet', hidden_size: 64, num_heads: 2, expand_k: 1, vocab_size: 97 },
      /`expand_k`[\s\S]*rotates halves of a head/,
    ],
    ["syncdoth's", { ...torchscale, model_type: 'retnet', forward_impl: 'parallel' }, /`forward_impl`[\s\S]*tensors have other names/],
  ])('is refused with the true reason: %s', (_, json, message) => {
    expect(() => parseRetNetConfig(json)).toThrow(message);
  });
});

it('the eps of a norm is read under its other names, and refused where two disagree', () => {
  expect(parseRetNetConfig({ ...torchscale, norm_eps: 1e-3 }).normEps).toBe(1e-3);
  expect(parseDenseRetNetConfig({ ...official, norm_eps: 1e-3 }).normEps).toBe(1e-3);
  expect(() => parseRetNetConfig({ ...torchscale, norm_eps: 1e-3, layernorm_eps: 1e-6 })).toThrow(/`norm_eps` cannot be used/);
});

describe("the released DenseRetNet's gates", () => {
  const shapes = (json: object) =>
    Object.fromEntries([...leavesOf(denseRetNet.spec(parseDenseRetNetConfig(json)))].map(({ name, shape }) => [name, shape]));
  const layer = 'model.layers.1.self_attn';

  it('have rank hidden // 32: none under 32, where the file stores empty matrices and dense layers add nothing', () => {
    const json = { ...official, hidden_size: 16, query_key_dim: 8 };
    const config = parseDenseRetNetConfig(json);
    expect(config.dense).toMatchObject({ denseLayers: 0, gateRank: 0 });
    expect(denseRetNet.warnings?.(config)).toEqual([expect.stringContaining('dense connections add nothing')]);
    expect(shapes(json)).toMatchObject({
      [`${layer}.k_select.fc1.weight`]: [0, 16],
      [`${layer}.k_select.fc2.weight`]: [8, 0],
      [`${layer}.v_select.fc1.weight`]: [0, 16],
      [`${layer}.v_select.fc2.weight`]: [32, 0],
    });
    expect(parseDenseRetNetConfig(denseRetNet.configToJson(config)).dense).toEqual(config.dense);
    expect(parseDenseRetNetConfig({ ...json, dense_gate_rank: 1 }).dense).toMatchObject({ denseLayers: 1, gateRank: 1 });
  });

  it('are hidden / 2 and 2 hidden wide where none is read, whatever the width of the keys', () => {
    const without = shapes({ ...official, dense_block_layers: 0, query_key_dim: 32, v_factor: 1 });
    expect(without).toMatchObject({ [`${layer}.k_select.fc2.weight`]: [16, 1], [`${layer}.v_select.fc2.weight`]: [64, 1] });
    expect(shapes({ ...official, query_key_dim: 32 })).toMatchObject({ [`${layer}.k_select.fc2.weight`]: [32, 1] });
  });
});
