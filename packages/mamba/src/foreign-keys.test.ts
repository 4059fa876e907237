import { readFileSync } from 'node:fs';
import { paramsFromTensors, parseSafetensors, readTensors } from '@densessm/checkpoint';
import { type AnyModel, disposeTree, SsmError } from '@densessm/ssm-core';
import { distance } from '@densessm/testing';
import { setBackend, tensor2d } from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Mamba2Config, mamba, mamba2 } from './index';
import { parseMambaConfig } from './mamba/config';
import { parseMamba2Config } from './mamba2/config';

const one = { model_type: 'mamba', vocab_size: 16, hidden_size: 8, num_hidden_layers: 2 };
const two = { model_type: 'mamba2', vocab_size: 16, hidden_size: 8, num_hidden_layers: 2, num_heads: 4, head_dim: 4, n_groups: 2 };

describe('the eps of the norms', () => {
  it.each(['layer_norm_epsilon', 'norm_eps', 'rms_norm_eps', 'layer_norm_eps', 'layernorm_eps', 'norm_epsilon'])('is read as %s', (key) => {
    expect(parseMambaConfig({ ...one, [key]: 0.01 }).layerNormEpsilon).toBe(0.01);
    expect(parseMamba2Config({ ...two, [key]: 0.01 }).layerNormEpsilon).toBe(0.01);
  });

  it('is refused where two names of it disagree, and where the original, which has no key for it, is told another', () => {
    expect(() => parseMambaConfig({ ...one, norm_eps: 0.01, layer_norm_epsilon: 1e-5 })).toThrow(
      /`layer_norm_epsilon` cannot be used.*\n.*0.01, as `norm_eps` says/,
    );
    expect(() => parseMambaConfig({ d_model: 8, n_layer: 2, vocab_size: 16, norm_epsilon: 1e-3 })).toThrow(
      /`norm_epsilon` cannot be used.*\n.*1e-5/,
    );
  });
});

describe('a key by which a file belongs to another model', () => {
  it.each<[string, unknown]>([
    ['mixer_rms_eps', 1e-6],
    ['attn_layer_indices', [1]],
    ['attn', { layers: [1] }],
    ['layers_block_type', ['mamba', 'attention']],
    ['hybrid_override_pattern', 'M*'],
    ['layer_types', ['linear_attention', 'full_attention']],
    ['num_experts', 4],
    ['embedding_multiplier', 2],
    ['logits_scaling', 8],
    ['rms_norm', false],
    ['d_intermediate', 32],
    ['hidden_act', 'gelu'],
  ])('is refused by name: %s', (key, value) => {
    expect(() => parseMambaConfig({ ...one, [key]: value })).toThrow(new RegExp(`\`${key}\` cannot be used`));
    expect(() => parseMamba2Config({ ...two, [key]: value })).toThrow(new RegExp(`\`${key}\` cannot be used`));
  });

  it.each<[string, unknown]>([
    ['rmsnorm', false],
    ['D_has_hdim', true],
  ])('is refused by name in Mamba-2: %s', (key, value) => {
    expect(() => parseMamba2Config({ ...two, [key]: value })).toThrow(new RegExp(`\`${key}\` cannot be used`));
  });

  it('is refused by name in ssm_cfg, as the original refuses it', () => {
    const original = { d_model: 8, n_layer: 2, vocab_size: 16, ssm_cfg: { headdim: 4 } };
    expect(() => parseMambaConfig(original)).toThrow(/`headdim` cannot be used/);
  });

  it('is let pass where it says nothing', () => {
    const nothing = { attn: null, num_experts: 0, embedding_multiplier: 1, attn_layer_idx: [], layer_types: ['linear_attention'] };
    expect(parseMambaConfig({ ...one, ...nothing }).hiddenSize).toBe(8);
  });
});

it('a key that nobody knows is a warning, and those that change nothing are none', () => {
  const harmless = { use_cache: true, residual_in_fp32: true, eos_token_id: 2, transformers_version: '5.18.0', use_mambapy: false };
  expect(mamba.warnings?.(parseMambaConfig({ ...one, ...harmless }))).toEqual([]);
  expect(mamba.warnings?.(parseMambaConfig({ ...one, ...harmless, gizmo: 1 }))).toEqual([
    'keys that are not known here and were ignored: gizmo',
  ]);
});

describe('the gated norm of several groups', () => {
  const groupsWarned = (changes: object) => mamba2.warnings?.(parseMamba2Config({ ...two, ...changes })) ?? [];

  it("is a warning in transformers' layout alone, until the file decides", () => {
    expect(groupsWarned({})).toEqual([expect.stringContaining('"norm_per_group": true in config.json')]);
    for (const changes of [{ n_groups: 1 }, { norm_per_group: true }, { norm_per_group: false }, { fuse_norm: true }])
      expect(groupsWarned(changes)).toEqual([]);
  });

  it('is written back as it was decided', () => {
    const json = (changes: object) => mamba2.configToJson(parseMamba2Config({ ...two, ...changes }));
    expect(json({ norm_per_group: true })).toMatchObject({ norm_per_group: true });
    expect(json({})).not.toHaveProperty('norm_per_group');
  });

  it("gives the original's logits in transformers' layout where norm_per_group says so", async () => {
    await setBackend('wasm');
    const read = (name: string) => readFileSync(new URL(`../../../fixtures/mamba2_g2_original/${name}`, import.meta.url));
    const original = parseMamba2Config(JSON.parse(read('config.json').toString()));
    const config: Mamba2Config = { ...original, layout: 'transformers', normPerGroup: true };
    const params = await paramsFromTensors(mamba2.spec(config), readTensors(parseSafetensors(read('model.safetensors'))));
    const expected = readTensors(parseSafetensors(read('expected.safetensors')));
    const ids = expected.get('L33.input_ids');
    const tokens = tensor2d(ids?.values as Int32Array, ids?.shape as [number, number], 'int32');
    const logits = mamba2.forward(params as never, config, tokens);
    expect(distance(expected.get('L33.logits')?.values ?? [], await logits.data()).worst).toBeLessThan(1e-4);
    const overAll = mamba2.forward(params as never, { ...config, normPerGroup: undefined }, tokens);
    expect(distance(expected.get('L33.logits')?.values ?? [], await overAll.data()).worst).toBeGreaterThan(0.01);
    disposeTree([params, tokens, logits, overAll]);
  });
});

it('any change of a config is read or refused with a CONFIG error, in bounded time', () => {
  const keys = [
    ...Object.keys(two),
    'norm_eps',
    'dt_limit',
    'dt_rank',
    'ssm_cfg',
    'd_model',
    'n_layer',
    'expand',
    'state_size',
    'layer_types',
  ];
  const values = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(0, -1, 1.5, 300_000, 2 ** 31 - 1, 'auto', [0, Infinity], { __float__: '1e999' }, {}),
  );
  const changes = fc.dictionary(fc.constantFrom(...keys), values, { maxKeys: 4 });
  const check = (change: object) => {
    for (const model of [mamba, mamba2] as AnyModel[]) {
      try {
        model.configToJson(model.parseConfig({ ...two, model_type: model.modelType, ...change }));
      } catch (error) {
        expect(error).toBeInstanceOf(SsmError);
        expect((error as SsmError).code).toBe('CONFIG');
      }
    }
  };
  fc.assert(fc.property(changes, check), { seed: 20240301, numRuns: 1000 });
});
