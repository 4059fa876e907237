import { describeSequenceModel } from '@densessm/testing';

const { default: model } = await import(new URL('gated-linear-attention.js', import.meta.url).href);
const json = { model_type: 'gated_linear_attention', vocab_size: 24, hidden_size: 12, num_hidden_layers: 3, num_heads: 3 };

describeSequenceModel(model, {
  'two layers below': { json: { ...json, dense_block_layers: 2 } },
  'without dense connections': { json },
});
