import { describeSequenceModel } from '@densessm/testing';
import { denseMamba, denseMamba2, mamba, mamba2 } from './index';

const small = { vocab_size: 24, hidden_size: 10, num_hidden_layers: 3, initializer_range: 0.3 };
const one = { ...small, model_type: 'mamba', state_size: 5, time_step_rank: 3 };
const two = { ...small, model_type: 'mamba2', state_size: 5, num_heads: 4, head_dim: 5, n_groups: 2 };

describeSequenceModel(mamba, {
  'as transformers starts it': { json: one },
  'untied, with biases, a wide filter and fractional expansion': {
    json: { ...one, tie_word_embeddings: false, use_bias: true, use_conv_bias: false, conv_kernel: 7, expand: 1.55 },
  },
  'a filter of one token': { json: { ...one, conv_kernel: 1 } },
  'in the original format': { json: { d_model: 10, n_layer: 2, vocab_size: 24, ssm_cfg: { d_state: 4, dt_rank: 'auto' } } },
});

describeSequenceModel(mamba2, {
  'as transformers starts it, two groups': { json: two },
  'limited steps, with biases, a filter of two': {
    json: { ...two, time_step_limit: [0.02, 0.06], use_bias: true, conv_kernel: 2, tie_word_embeddings: true },
  },
  'in the original format, norm before gate': {
    json: {
      ...{ d_model: 10, n_layer: 2, vocab_size: 24, tie_embeddings: false },
      ssm_cfg: { layer: 'Mamba2', d_state: 4, headdim: 5, ngroups: 2, norm_before_gate: true },
    },
  },
});

describeSequenceModel(denseMamba, {
  'two layers below, in the state': { json: { ...one, model_type: 'dense_mamba', dense_block_layers: 2 } },
  'attention over more layers than there are': {
    json: { ...one, model_type: 'dense_mamba', dense_block_layers: 5, dense_fusion_method: 'attention', dense_gate_rank: 3 },
  },
  'concatenation, in the input': {
    json: { ...one, model_type: 'dense_mamba', dense_block_layers: 2, dense_fusion: 'input', dense_fusion_method: 'concat' },
  },
  'in the original format': {
    json: {
      ...{ model_type: 'dense_mamba', dense_block_layers: 1, dense_projection: 'linear' },
      ...{ d_model: 10, n_layer: 2, vocab_size: 24, ssm_cfg: { d_state: 4 } },
    },
  },
});

describeSequenceModel(denseMamba2, {
  'two layers below, in the state': { json: { ...two, model_type: 'dense_mamba2', dense_block_layers: 2 } },
  'gates per source, blocks of two, in the input': {
    json: {
      ...{ ...two, model_type: 'dense_mamba2', dense_block_layers: 2, dense_fusion: 'input' },
      ...{ dense_scope: 'block', dense_gate_per_source: true },
    },
  },
  'no projection, in the original format': {
    json: {
      ...{ model_type: 'dense_mamba2', dense_block_layers: 1, dense_projection: 'none' },
      ...{ d_model: 10, n_layer: 2, vocab_size: 24, ssm_cfg: { layer: 'Mamba2', d_state: 4, headdim: 5, ngroups: 2 } },
    },
  },
});
