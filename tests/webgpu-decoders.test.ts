import { denseMamba, denseMamba2, mamba, mamba2 } from '@densessm/mamba';
import { denseRetNet, retnet } from '@densessm/retnet';
import { startBackend } from '@densessm/runtime-node';
import { SsmError } from '@densessm/ssm-core';
import { describeDecoder } from '@densessm/testing';
import { describe } from 'vitest';

/** Why there is no device; on CI, which installs one, that is a failure. */
const missing = await startBackend({ device: 'webgpu' }).then(
  () => undefined,
  (error: unknown) => {
    if (process.env.CI || !(error instanceof SsmError)) throw error;
    return `${error.message}\nTests of WebGPU need a GPU, or SwiftShader: apt-get install chromium`;
  },
);
if (missing) process.stderr.write(`tests/webgpu-decoders.test.ts is skipped. ${missing}\n`);

const small = { vocab_size: 24, hidden_size: 10, num_hidden_layers: 3, initializer_range: 0.3, state_size: 5, time_step_rank: 3 };
const small2 = {
  vocab_size: 24,
  hidden_size: 10,
  num_hidden_layers: 3,
  initializer_range: 0.3,
  state_size: 6,
  head_dim: 5,
  num_heads: 4,
  n_groups: 2,
};
const dense = { dense_block_layers: 2 };
const torchscale = {
  vocab_size: 24,
  decoder_embed_dim: 12,
  decoder_value_embed_dim: 10,
  decoder_retention_heads: 2,
  decoder_ffn_embed_dim: 9,
  decoder_layers: 3,
};
const released = {
  vocab_size: 24,
  hidden_size: 10,
  dense_gate_rank: 1,
  query_key_dim: 12,
  v_factor: 2,
  num_attention_heads: 2,
  num_hidden_layers: 3,
};

describe.skipIf(missing)('decoding on WebGPU', () => {
  const common = { slow: {}, backend: 'webgpu' };
  const mambaCases = { ...common, fine: /dt_proj|dense/ };
  const retnetCases = { ...common, fine: /dense_k|dense_v|k_select|v_select/ };
  describeDecoder('mamba.decoder', mamba, {
    ...mambaCases,
    fast: {
      'odd sizes': small,
      'sizes that are read four at a time': { ...small, hidden_size: 32, state_size: 16, time_step_rank: 4, num_hidden_layers: 2 },
      'untied, with biases, a wide filter': { ...small, tie_word_embeddings: false, use_bias: true, use_conv_bias: false, conv_kernel: 7 },
      'a filter of one token': { ...small, conv_kernel: 1, num_hidden_layers: 2 },
    },
    rounded: { ...small, hidden_size: 64, num_hidden_layers: 2 },
  });
  describeDecoder('denseMamba.decoder', denseMamba, {
    ...mambaCases,
    fast: { dense: { ...small, ...dense, model_type: 'dense_mamba' } },
    rounded: { ...small, ...dense, model_type: 'dense_mamba', hidden_size: 40 },
  });
  describeDecoder('mamba2.decoder', mamba2, {
    ...mambaCases,
    fast: { 'two groups': small2 },
    rounded: { ...small2, hidden_size: 40, num_heads: 16 },
  });
  describeDecoder('denseMamba2.decoder', denseMamba2, {
    ...mambaCases,
    fast: { dense: { ...small2, ...dense, model_type: 'dense_mamba2', time_step_limit: [0.2, 0.6] } },
    rounded: { ...small2, ...dense, model_type: 'dense_mamba2', hidden_size: 40, num_heads: 16 },
  });
  describeDecoder('retnet.decoder', retnet, {
    ...retnetCases,
    fast: {
      'relu, tied, a scaled and normed embedding': {
        ...{ ...torchscale, activation_fn: 'relu', share_decoder_input_output_embed: true, decoder_layers: 2 },
        ...{ no_scale_embedding: false, layernorm_embedding: true },
      },
      dense: { ...torchscale, ...dense },
    },
    rounded: { ...torchscale, ...dense, decoder_embed_dim: 48 },
  });
  describeDecoder('denseRetNet.decoder', denseRetNet, {
    ...retnetCases,
    fast: { 'two layers below': { ...released, ...dense } },
    rounded: { ...released, ...dense, hidden_size: 40 },
  });
});
