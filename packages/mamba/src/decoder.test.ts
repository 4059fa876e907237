import { describeDecoder } from '@densessm/testing';
import { denseMamba, denseMamba2, mamba, mamba2 } from './index';

const common = { vocab_size: 24, hidden_size: 10, num_hidden_layers: 3, initializer_range: 0.3 };
const dense = { dense_block_layers: 2 };
const slow = {
  'fused inputs': { dense_fusion: 'input' },
  concatenation: { dense_fusion_method: 'concat' },
  'a projection': { dense_projection: 'linear' },
  'a gate per source': { dense_gate_per_source: true },
};
const withEach = (json: object, choices: Record<string, object>): Record<string, object> =>
  Object.fromEntries(Object.entries(choices).map(([name, choice]) => [name, { ...json, ...choice }]));
const connections = {
  'two layers below': dense,
  'a linear gate': { ...dense, dense_gate: 'linear' },
  'no gate': { ...dense, dense_gate: 'none' },
  blocks: { ...dense, num_hidden_layers: 5, dense_scope: 'block' },
};

const small = { ...common, state_size: 5, time_step_rank: 3 };
const denseSmall = { ...small, ...dense, model_type: 'dense_mamba' };
const fine = /dt_proj|dense/;
const cases = { rounded: { ...small, hidden_size: 40 }, fine, slow: {} };
describeDecoder('mamba.decoder', mamba, {
  ...cases,
  fast: {
    mamba: small,
    'untied, with biases, a wide filter and fractional expansion': {
      ...{ ...small, tie_word_embeddings: false, use_bias: true, use_conv_bias: false, conv_kernel: 7, expand: 1.55 },
    },
    'a filter of one token': { ...small, conv_kernel: 1, state_size: 16 },
  },
});
describeDecoder('denseMamba.decoder', denseMamba, {
  ...cases,
  fast: withEach(denseSmall, connections),
  rounded: { ...denseSmall, hidden_size: 40 },
  slow: withEach(denseSmall, slow),
});

const small2 = { ...common, state_size: 6, head_dim: 5, num_heads: 4, n_groups: 2 };
const denseSmall2 = { ...small2, ...dense, model_type: 'dense_mamba2' };
const cases2 = { rounded: { ...small2, hidden_size: 40, num_heads: 16 }, fine, slow: {} };
const original = { vocab_size: 24, d_model: 16, n_layer: 2, ssm_cfg: { layer: 'Mamba2', d_state: 7, headdim: 8, ngroups: 2 } };
describeDecoder('mamba2.decoder', mamba2, {
  ...cases2,
  fast: {
    'mamba2, two groups': small2,
    'limits, biases, a wide filter': {
      ...{ ...small2, use_bias: true, use_conv_bias: false, conv_kernel: 7, n_groups: 1, time_step_limit: [0.2, 0.6] },
      tie_word_embeddings: true,
    },
    'of mamba_ssm: norms by group': original,
    'norm before the gate': { ...original, ssm_cfg: { ...original.ssm_cfg, norm_before_gate: true } },
  },
});
describeDecoder('denseMamba2.decoder', denseMamba2, {
  ...cases2,
  fast: withEach(denseSmall2, connections),
  rounded: { ...denseSmall2, hidden_size: 40, num_heads: 16 },
  slow: withEach(denseSmall2, slow),
});
