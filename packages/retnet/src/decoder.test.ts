import { packParams } from '@densessm/kernels';
import { type Decoder, disposeTree } from '@densessm/ssm-core';
import { describeDecoder, expectClose } from '@densessm/testing';
import { setBackend, type Tensor, tensor2d } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { denseRetNet, type RetentionState, retnet } from './index';

const slow = {
  concatenation: { dense_fusion_method: 'concat' },
  attention: { dense_fusion_method: 'attention' },
  'a projection': { dense_projection: 'linear' },
  'a gate per source': { dense_gate_per_source: true },
};
const withEach = (json: object, choices: Record<string, object>): Record<string, object> =>
  Object.fromEntries(Object.entries(choices).map(([name, choice]) => [name, { ...json, ...choice }]));
const fine = /dense_k|dense_v|k_select|v_select/;

const torchscale = {
  vocab_size: 24,
  decoder_embed_dim: 12,
  decoder_value_embed_dim: 10,
  decoder_retention_heads: 2,
  decoder_ffn_embed_dim: 9,
};
const plain = { ...torchscale, decoder_layers: 3 };
const dense = { ...plain, dense_block_layers: 2 };
describeDecoder('retnet.decoder', retnet, {
  fast: {
    plain,
    'norms behind, deepnorm, swish': { ...plain, decoder_normalize_before: false, deepnorm: true, activation_fn: 'swish' },
    'relu, tied, a scaled and normed embedding': {
      ...{ ...plain, activation_fn: 'relu', share_decoder_input_output_embed: true },
      ...{ no_scale_embedding: false, layernorm_embedding: true },
    },
    'three heads of two keys': { ...plain, decoder_retention_heads: 3, decoder_embed_dim: 6, decoder_value_embed_dim: 21 },
    'dense, two layers below': dense,
    'dense, a linear gate, norms behind': { ...dense, dense_gate: 'linear', decoder_normalize_before: false },
    'dense, no gate': { ...dense, dense_gate: 'none' },
    'dense, blocks': { ...dense, decoder_layers: 5, dense_scope: 'block' },
  },
  rounded: { ...dense, decoder_embed_dim: 48 },
  fine,
  slow: withEach(dense, slow),
});

const released = {
  vocab_size: 24,
  hidden_size: 10,
  dense_gate_rank: 1,
  query_key_dim: 12,
  v_factor: 2,
  num_attention_heads: 2,
  num_hidden_layers: 3,
};
const denseGau = { ...released, dense_block_layers: 2 };
describeDecoder('denseRetNet.decoder', denseRetNet, {
  fast: {
    'no dense layers': { ...released, dense_block_layers: 0 },
    'one layer below, tied': { ...released, dense_block_layers: 1, tie_word_embeddings: true, pad_token_id: 0 },
    'two layers below, a large eps': { ...denseGau, rms_norm_eps: 1e-2 },
    'a linear gate': { ...denseGau, dense_gate: 'linear' },
    'no gate': { ...denseGau, dense_gate: 'none' },
    blocks: { ...denseGau, num_hidden_layers: 5, dense_scope: 'block' },
  },
  rounded: { ...denseGau, hidden_size: 40 },
  fine,
  slow: withEach(denseGau, slow),
});

it('retnet.decoder continues from a state whose texts began at tokens of their own, and from a late position', async () => {
  await setBackend('wasm');
  const config = retnet.parseConfig(dense);
  const params = retnet.init(config, 5);
  const packed = await packParams(retnet.spec(config), params, { weights: 'f32' });
  const decoder = (await retnet.decoder?.(config, { batch: 2 })?.(packed)) as Decoder<RetentionState>;
  const tokens = tensor2d([1, 2, 3, 4, 5, 6], [2, 3], 'int32');
  const documentStarts = tensor2d([0, 1, 0, 0, 0, 1], [2, 3], 'int32');
  const empty = retnet.initialState(config, 2);
  const [some, begun] = retnet.advance(params, config, tokens, empty, { documentStarts });
  for (const state of [begun, { ...begun, scale: undefined, position: 12345 }]) {
    await decoder.load(state);
    const [logits, next] = retnet.advance(params, config, [[7], [8]], state);
    await expectClose('logits', logits, await decoder.step([7, 8]), 2e-5);
    const own = decoder.state();
    expect([own.position, own.scale?.shape]).toEqual([next.position, next.scale?.shape]);
    if (next.scale) await expectClose('scale', next.scale, own.scale as Tensor, 2e-6);
    disposeTree([logits, next, own]);
  }
  decoder.dispose();
  disposeTree([params, packed, tokens, documentStarts, empty, some, begun]);
});
