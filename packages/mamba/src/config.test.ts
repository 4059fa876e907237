import { leavesOf, SsmError } from '@densessm/ssm-core';
import { describe, expect, it } from 'vitest';
import { denseMamba, denseMamba2, mamba, mamba2 } from './index';
import { parseDenseMambaConfig, parseMambaConfig } from './mamba/config';
import { parseMamba2Config } from './mamba2/config';

const one = { model_type: 'mamba', vocab_size: 16, hidden_size: 8, num_hidden_layers: 2 };
const two = { model_type: 'mamba2', vocab_size: 16, hidden_size: 8, num_hidden_layers: 2, num_heads: 4, head_dim: 4, n_groups: 2 };
const originalOne = { d_model: 8, n_layer: 2, vocab_size: 16, ssm_cfg: {} };
const originalTwo = { ...originalOne, ssm_cfg: { layer: 'Mamba2', headdim: 4 } };

describe('a config of Mamba', () => {
  it('means by a missing key what transformers means', () => {
    expect(parseMambaConfig({ ...one, hidden_size: 40 })).toMatchObject({
      ...{ layout: 'transformers', innerSize: 80, stateSize: 16, convKernel: 4, timeStepRank: 3, layerNormEpsilon: 1e-5 },
      ...{ useBias: false, useConvBias: true, tieWordEmbeddings: true, initializerRange: 0.1, rescalePrenormResidual: false },
    });
    expect(parseMamba2Config({ ...two, hidden_size: 4096, num_heads: undefined, head_dim: undefined, n_groups: undefined })).toMatchObject({
      ...{ numHeads: 128, headDim: 64, nGroups: 8, stateSize: 128, chunkSize: 256, tieWordEmbeddings: false },
      ...{ timeStepLimit: [0, Infinity], normBeforeGate: false },
    });
  });

  it('means by a missing key what mamba_ssm means, and pads the vocabulary', () => {
    expect(parseMambaConfig({ d_model: 768, n_layer: 24, vocab_size: 50277, ssm_cfg: {}, rms_norm: true })).toMatchObject({
      ...{ layout: 'mamba_ssm', vocabSize: 50280, unpaddedVocabSize: 50277, innerSize: 1536, timeStepRank: 48 },
      ...{ tieWordEmbeddings: true, initializerRange: 0.02, rescalePrenormResidual: true },
    });
    const second = parseMamba2Config({
      ...originalTwo,
      d_model: 64,
      vocab_size: 33,
      pad_vocab_size_multiple: 16,
      ssm_cfg: { layer: 'Mamba2' },
    });
    expect(second).toMatchObject({ vocabSize: 48, stateSize: 128, headDim: 64, numHeads: 2, nGroups: 1, tieWordEmbeddings: true });
  });

  it('is told from its keys, and never takes leftovers of a conversion for the original', () => {
    const leftovers = { ...one, d_model: 8, n_layer: 2, ssm_cfg: {} };
    expect(parseMambaConfig(leftovers).layout).toBe('transformers');
    expect([mamba, mamba2].map((model) => model.recognizes(leftovers))).toEqual([false, false]);
    expect([mamba, mamba2, denseMamba].map((model) => model.recognizes(originalOne))).toEqual([true, false, false]);
    expect([mamba, mamba2, denseMamba2].map((model) => model.recognizes(originalTwo))).toEqual([false, true, false]);
  });

  it('gives the names of its own layout, and reads those of the other', () => {
    const embedding = (json: object) => [...leavesOf(mamba.spec(parseMambaConfig(json)))][0];
    expect(embedding(one)).toMatchObject({ name: 'backbone.embeddings.weight', aliases: ['backbone.embedding.weight', 'lm_head.weight'] });
    expect(embedding({ ...originalOne, tie_embeddings: false })).toMatchObject({
      name: 'backbone.embedding.weight',
      aliases: ['backbone.embeddings.weight'],
    });
  });

  it('keeps what else the file says, and can be changed by no one', () => {
    const config = parseMambaConfig({ ...one, eos_token_id: 7, transformers_version: '5.0.0' });
    expect(mamba.configToJson(config)).toMatchObject({ eos_token_id: 7, transformers_version: '5.0.0', model_type: 'mamba' });
    expect(Object.isFrozen(config)).toBe(true);
    const original = parseMambaConfig({ ...originalOne, vocab_size: 13, fused_add_norm: true, ssm_cfg: { use_fast_path: false } });
    expect(mamba.configToJson(original)).toMatchObject({
      vocab_size: 13,
      fused_add_norm: true,
      ssm_cfg: { use_fast_path: false, d_state: 16 },
    });
    expect(mamba.configToJson(original)).not.toHaveProperty('model_type');
  });

  it('lets a stored intermediate_size win over expand, as transformers does', () => {
    expect(parseMambaConfig({ ...one, intermediate_size: 20 }).innerSize).toBe(20);
    expect(parseMambaConfig({ ...one, expand: 1.7 }).innerSize).toBe(13);
  });

  it.each([[[0, Infinity]], [[0.0, { __float__: 'Infinity' }]]])('reads infinity in either spelling: %j', (time_step_limit) => {
    const config = parseMamba2Config({ ...two, time_step_limit });
    expect(config.timeStepLimit).toEqual([0, Infinity]);
    expect(mamba2.configToJson(config).time_step_limit).toEqual([0, { __float__: 'Infinity' }]);
  });

  it('writes a limit of the original only where there is one, and infinity as a number', () => {
    const limits = (dt_limit?: unknown) => {
      const config = parseMamba2Config({ ...originalTwo, ssm_cfg: { ...originalTwo.ssm_cfg, dt_limit } });
      return (mamba2.configToJson(config).ssm_cfg as { dt_limit?: unknown }).dt_limit;
    };
    expect([limits(), limits([0, Infinity]), limits([0.1, 1]), limits([0.1, Infinity])]).toEqual([
      undefined,
      undefined,
      [0.1, 1],
      [0.1, 3.4028234663852886e38],
    ]);
  });
});

describe('a config is refused', () => {
  const ofOne = (changes: object) => () => parseMambaConfig({ ...one, ...changes });
  const ofTwo = (changes: object) => () => parseMamba2Config({ ...two, ...changes });
  const ofOriginal = (changes: object) => () => parseMambaConfig({ ...originalOne, ...changes });
  const ofOriginalTwo = (changes: object) => () => parseMamba2Config({ ...originalTwo, ssm_cfg: { ...originalTwo.ssm_cfg, ...changes } });
  const ofDense = (changes: object) => () =>
    parseDenseMambaConfig({ ...one, model_type: 'dense_mamba', dense_block_layers: 1, ...changes });

  const attempts: Record<string, () => unknown> = {
    'a missing size': ofOne({ vocab_size: undefined }),
    'another activation': ofOne({ hidden_act: 'gelu' }),
    'another model': ofOne({ model_type: 'mamba2' }),
    'an expansion to nothing': ofOne({ expand: 0.01 }),
    'a rank in words': ofOne({ time_step_rank: 'full' }),
    'steps in the wrong order': ofOne({ time_step_min: 0.5 }),
    'an unknown start': ofOne({ time_step_init_scheme: 'normal' }),
    'heads that do not fill the channels': ofTwo({ num_heads: 3 }),
    'a head that does not divide the channels': ofTwo({ head_dim: 5 }),
    'groups that do not divide the heads': ofTwo({ n_groups: 3 }),
    'a limit in the wrong order': ofTwo({ time_step_limit: [1, 0.5] }),
    'a limit that is no pair': ofTwo({ time_step_limit: [0] }),
    LayerNorm: ofOriginal({ rms_norm: false }),
    'feed-forward blocks': ofOriginal({ d_intermediate: 32 }),
    'attention layers': ofOriginal({ attn_layer_idx: [1] }),
    'the other mixer': ofOriginal({ ssm_cfg: { layer: 'Mamba2' } }),
    'a mixer that is not named': ofOriginalTwo({ layer: undefined }),
    'a mixer without its norm': ofOriginalTwo({ rmsnorm: false }),
    'a D for every channel': ofOriginalTwo({ D_has_hdim: true }),
    'channels beside the state space model': ofOriginalTwo({ d_ssm: 8 }),
    'an unknown key in a file of ours': ofDense({ dense_blok_layers: 2 }),
    'a dense model that does not say how dense': ofDense({ dense_block_layers: undefined }),
    'an unknown place': ofDense({ dense_fusion: 'output' }),
  };
  /** What a CONFIG error says. */
  const complaint = (parse: () => unknown): string => {
    try {
      parse();
      return 'nothing was refused';
    } catch (error) {
      return error instanceof SsmError && error.code === 'CONFIG' ? error.message : String(error);
    }
  };

  it('where it cannot be what is built here, with a reason', () => {
    expect(
      Object.entries(attempts)
        .map(([name, parse]) => `${name}: ${complaint(parse)}`)
        .join('\n'),
    ).toMatchInlineSnapshot(`
      "a missing size: parseMambaConfig: \`vocab_size\` cannot be used.
        expected  an integer from 1 to 2147483647
        got       nothing
        fix       correct the value in config.json
      another activation: parseMambaConfig: \`hidden_act\` cannot be used.
        expected  "silu" or "swish"
        got       "gelu"
        fix       correct the value in config.json
      another model: parseMambaConfig: \`model_type\` cannot be used.
        expected  "mamba"
        got       "mamba2"
        fix       read it with the model of that type
      an expansion to nothing: parseMambaConfig: \`expand\` cannot be used.
        expected  a factor that makes at least one channel of 8
        got       0.01
        fix       correct the value in config.json
      a rank in words: parseMambaConfig: \`time_step_rank\` cannot be used.
        expected  an integer from 1 to 2147483647
        got       "full"
        fix       correct the value in config.json
      steps in the wrong order: parseMambaConfig: \`time_step_max\` cannot be used.
        expected  a number from 0.5 to Infinity
        got       nothing
        fix       correct the value in config.json
      an unknown start: parseMambaConfig: \`time_step_init_scheme\` cannot be used.
        expected  "random" or "constant"
        got       "normal"
        fix       correct the value in config.json
      heads that do not fill the channels: parseMamba2Config: \`num_heads\` cannot be used.
        expected  4: num_heads × head_dim is hidden_size × expand
        got       3
        fix       correct the value in config.json
      a head that does not divide the channels: parseMamba2Config: \`head_dim\` cannot be used.
        expected  a divisor of 16, the hidden size times expand
        got       5
        fix       correct the value in config.json
      groups that do not divide the heads: parseMamba2Config: \`n_groups\` cannot be used.
        expected  a divisor of the 4 heads
        got       3
        fix       correct the value in config.json
      a limit in the wrong order: parseMamba2Config: \`time_step_limit\` cannot be used.
        expected  two numbers, 0 ≤ low ≤ high, where high may be Infinity
        got       [1,0.5]
        fix       correct the value in config.json
      a limit that is no pair: parseMamba2Config: \`time_step_limit\` cannot be used.
        expected  2 numbers
        got       [0]
        fix       correct the value in config.json
      LayerNorm: parseMambaConfig: \`rms_norm\` cannot be used.
        expected  true
        got       false
        fix       LayerNorm between the layers is not built here; train with rms_norm true
      feed-forward blocks: parseMambaConfig: \`d_intermediate\` cannot be used.
        expected  0
        got       32
        fix       feed-forward blocks between the mixers are not built here; train with d_intermediate 0
      attention layers: parseMambaConfig: \`attn_layer_idx\` cannot be used.
        expected  nothing
        got       [1]
        fix       hybrids with attention layers are not built here
      the other mixer: parseMambaConfig: ssm_cfg: \`layer\` cannot be used.
        expected  "Mamba1"
        got       "Mamba2"
        fix       read it with the model of that layer: mamba2 for Mamba2
      a mixer that is not named: parseMamba2Config: ssm_cfg: \`layer\` cannot be used.
        expected  "Mamba2"
        got       nothing
        fix       read it with the model of that layer: mamba for Mamba1, or where none is named
      a mixer without its norm: parseMamba2Config: ssm_cfg: \`rmsnorm\` cannot be used.
        expected  true
        got       false
        fix       a mixer without its gated norm is not built here; train with rmsnorm true
      a D for every channel: parseMamba2Config: ssm_cfg: \`D_has_hdim\` cannot be used.
        expected  false
        got       true
        fix       a D for every channel is not built here; train with D_has_hdim false
      channels beside the state space model: parseMamba2Config: ssm_cfg: \`d_ssm\` cannot be used.
        expected  16
        got       8
        fix       channels beside the state space model are not built here
      an unknown key in a file of ours: parseDenseMambaConfig: \`dense_blok_layers\` cannot be used.
        expected  one of model_type, rms_norm, d_intermediate, hidden_act, vocab_size, hidden_size, num_hidden_layers, expand, state_size, conv_kernel, use_bias, use_conv_bias, layer_norm_epsilon, tie_word_embeddings, initializer_range, rescale_prenorm_residual, time_step_min, time_step_max, time_step_floor, intermediate_size, time_step_rank, time_step_scale, time_step_init_scheme, dense_block_layers, dense_projection, dense_gate, dense_gate_rank, dense_gate_per_source, dense_fusion_method, dense_scope, dense_fusion
        got       2
        fix       remove the key or correct its spelling
      a dense model that does not say how dense: parseDenseMambaConfig: \`dense_block_layers\` cannot be used.
        expected  the number of shallower layers that each layer reads
        got       nothing
        fix       correct the value in config.json
      an unknown place: parseDenseMambaConfig: \`dense_fusion\` cannot be used.
        expected  "state" or "input"
        got       "output"
        fix       correct the value in config.json"
    `);
  });
});
