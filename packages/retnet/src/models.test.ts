import { disposeTree, type SequenceModel, tensorsOf, tidyTree, valueAndGrads } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { describeSequenceModel, expectClose, sampleTensor, someTokens } from '@densessm/testing';
import { mul, type Scalar, setBackend, sum, type Tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { denseRetNet, type RetentionState, retnet } from './index';

const plain = {
  vocab_size: 13,
  decoder_embed_dim: 8,
  decoder_value_embed_dim: 12,
  decoder_retention_heads: 2,
  decoder_ffn_embed_dim: 10,
  decoder_layers: 2,
};

const official = {
  vocab_size: 13,
  hidden_size: 8,
  dense_gate_rank: 1,
  query_key_dim: 4,
  v_factor: 2,
  num_attention_heads: 2,
  num_hidden_layers: 3,
  dense_block_layers: 2,
  pad_token_id: 0,
};

describeSequenceModel(retnet, {
  plain: { json: plain },
  'post-norm, scaled and normed embeddings, tied, deepnorm, swish': {
    json: {
      ...plain,
      decoder_normalize_before: false,
      no_scale_embedding: false,
      layernorm_embedding: true,
      share_decoder_input_output_embed: true,
      deepnorm: true,
      activation_fn: 'swish',
    },
  },
  'dense, relu': { json: { ...plain, model_type: 'retnet', activation_fn: 'relu', decoder_layers: 3, dense_block_layers: 2 } },
});
describeSequenceModel(denseRetNet, {
  official: { json: official },
  'tied, without padding, by blocks': {
    json: { ...official, tie_word_embeddings: true, pad_token_id: null, dense_scope: 'block' },
  },
});

/** Logits and gradients of every parameter, for one random weighting of the logits. */
function evaluate<C, P extends object>(model: SequenceModel<C, P, RetentionState>, config: C, params: P, chunkSize?: number) {
  const tokens = someTokens(2, 70, 13);
  const logits = model.forward(params, config, tokens, { chunkSize });
  const weights = sampleTensor({ shape: logits.shape }, mulberry32(9));
  const loss = (current: P): Scalar => sum(mul(model.forward(current, config, tokens, { chunkSize }), weights));
  return { logits, gradients: [...tensorsOf(valueAndGrads(loss, params).grads)] };
}

const models = [
  ['retnet', retnet, plain],
  ['dense_retnet', denseRetNet, official],
] as unknown as [string, SequenceModel<unknown, object, RetentionState>, object][];

describe.each(models)('%s', (_, model, json) => {
  it.each([1, 16, 64, 70])('has the same logits and gradients in chunks of %i tokens', async (chunkSize) => {
    await setBackend('wasm');
    const config = model.parseConfig(json);
    const params = model.init(config, 3);
    const [want, got] = [evaluate(model, config, params), evaluate(model, config, params, chunkSize)];
    await expectClose('logits', want.logits, got.logits, 1e-5);
    for (const [i, [path, gradient]] of want.gradients.entries())
      await expectClose(path.join('.'), gradient, (got.gradients[i] as [unknown, Tensor])[1], 1e-4); // the worst value of a tensor; norms are within 1e-5
  });

  it('refuses a state of another batch, model or no position', async () => {
    await setBackend('cpu');
    const config = model.parseConfig(json);
    const params = model.init(config, 3);
    const advance = (state: RetentionState) => () => model.advance(params, config, [[1, 2]], state);
    const state = model.initialState(config, 1);
    expect(advance(model.initialState(config, 2))).toThrow(expect.objectContaining({ code: 'STATE' }));
    expect(advance({ ...state, layers: state.layers.slice(1) })).toThrow(expect.objectContaining({ code: 'STATE' }));
    expect(advance({ ...state, position: -1 })).toThrow(/position -1/);
    expect(state.position).toBe(0);
    expect(tidyTree(() => advance(state)())[1].position).toBe(2);
    disposeTree([params, state]);
  });
});
