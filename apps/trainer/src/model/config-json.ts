import type { ModelName, Settings } from '../settings/table';

/** The settings that say how large a model is. */
export type ModelSettings = Pick<Settings, 'hiddenSize' | 'numHiddenLayers' | 'denseLayers' | 'stateSize' | 'numAttentionHeads'>;

/** config.json of a model, in the words of its reference implementation. */
export function configJson(settings: ModelSettings, model: ModelName, vocabSize: number): Record<string, unknown> {
  const { hiddenSize, numHiddenLayers, denseLayers, stateSize } = settings;
  const dense = model.startsWith('dense-') ? { dense_block_layers: denseLayers } : {};
  const common = { vocab_size: vocabSize, hidden_size: hiddenSize, num_hidden_layers: numHiddenLayers };
  switch (model) {
    case 'mamba':
    case 'dense-mamba':
      return { model_type: model.replace('-', '_'), ...common, ...dense, state_size: stateSize ?? 16, tie_word_embeddings: true };
    case 'mamba2':
    case 'dense-mamba2': {
      const num_heads = headsFor(settings, 2 * hiddenSize);
      const heads = { num_heads, head_dim: (2 * hiddenSize) / num_heads, n_groups: 1 };
      return { model_type: model.replace('-', '_'), ...common, ...dense, state_size: stateSize ?? 64, ...heads, tie_word_embeddings: true };
    }
    case 'retnet':
      return {
        model_type: 'retnet',
        vocab_size: vocabSize,
        decoder_embed_dim: hiddenSize,
        decoder_layers: numHiddenLayers,
        decoder_retention_heads: headsFor(settings, hiddenSize),
        decoder_value_embed_dim: 2 * hiddenSize,
        decoder_ffn_embed_dim: 2 * hiddenSize,
        share_decoder_input_output_embed: true,
      };
    case 'dense-retnet': {
      const widths = { num_attention_heads: headsFor(settings, hiddenSize / 2), query_key_dim: hiddenSize / 2, v_factor: 2 };
      // the released rank, hidden // 32, would be none at all here
      const rank = hiddenSize < 32 ? { dense_gate_rank: 1 } : {};
      return { ...common, ...dense, ...rank, ...widths, tie_word_embeddings: true };
    }
  }
}

/** Heads as given, else as many of about 64 as divide the width evenly into an even number of channels. */
function headsFor({ numAttentionHeads }: ModelSettings, width: number): number {
  if (numAttentionHeads !== undefined) return numAttentionHeads;
  let heads = Math.max(1, Math.round(width / 64));
  while (heads > 1 && width % (2 * heads) !== 0) heads--;
  return heads;
}
