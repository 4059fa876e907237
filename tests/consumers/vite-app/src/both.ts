import { type AnyModel, modelFor, registerModel, type TokenIds } from '@densessm/ssm-core';
import { showAnswer } from './answer';
import { mamba, retnet } from './models';

registerModel(mamba);
registerModel(retnet);
const json = { model_type: 'retnet', vocab_size: 11, decoder_embed_dim: 16, decoder_layers: 1, decoder_retention_heads: 2 };
const model: AnyModel = modelFor(json);
const config = model.parseConfig({ ...json, decoder_value_embed_dim: 32, decoder_ffn_embed_dim: 24 });
const params = model.init(config, 1);
const tokens: TokenIds = [[1, 2, 3]];
await showAnswer(() => {
  const [logits] = model.advance(params, config, tokens, model.initialState(config, 1));
  return logits;
});
