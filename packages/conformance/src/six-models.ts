import { denseMamba, denseMamba2, mamba, mamba2 } from '@densessm/mamba';
import { denseRetNet, retnet } from '@densessm/retnet';
import { type AnyModel, mapTree } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { add, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';

export interface Sizes {
  vocabSize: number;
  hiddenSize: number;
  layers: number;
  heads: number;
}

/** Every model of the house with a config.json of the given sizes; the dense ones read the two layers below. */
export function sixModels({
  vocabSize,
  hiddenSize,
  layers,
  heads,
}: Sizes): { name: string; model: AnyModel; json: Record<string, unknown> }[] {
  const common = { vocab_size: vocabSize, hidden_size: hiddenSize, num_hidden_layers: layers };
  const headDim = (2 * hiddenSize) / heads;
  const mambaJson = { ...common, state_size: 16 };
  const mamba2Json = { ...common, state_size: 64, head_dim: headDim, num_heads: heads, n_groups: 1, tie_word_embeddings: true };
  const retnetJson = {
    vocab_size: vocabSize,
    decoder_embed_dim: hiddenSize,
    decoder_layers: layers,
    decoder_retention_heads: heads,
    decoder_value_embed_dim: 2 * hiddenSize,
    decoder_ffn_embed_dim: 2 * hiddenSize,
    share_decoder_input_output_embed: true,
  };
  const denseRetNetJson = { ...common, num_attention_heads: heads, query_key_dim: hiddenSize / 2, v_factor: 2, tie_word_embeddings: true };
  const dense = { dense_block_layers: 2 };
  return [
    { name: 'RetNet', model: retnet, json: { ...retnetJson, model_type: 'retnet' } },
    { name: 'DenseRetNet', model: denseRetNet, json: { ...denseRetNetJson, ...dense, model_type: 'llama' } },
    { name: 'Mamba', model: mamba, json: { ...mambaJson, model_type: 'mamba' } },
    { name: 'Mamba-2', model: mamba2, json: { ...mamba2Json, model_type: 'mamba2' } },
    { name: 'DenseMamba', model: denseMamba, json: { ...mambaJson, ...dense, model_type: 'dense_mamba' } },
    { name: 'Dense Mamba-2', model: denseMamba2, json: { ...mamba2Json, ...dense, model_type: 'dense_mamba2' } },
  ];
}

/** The same parameters moved by up to `size`: the gates of a dense model start closed, and a closed gate shows nothing. */
export function moved<P extends object>(params: P, size: number, seed = 1): P {
  const random = mulberry32(seed);
  const move = (one: Tensor) => {
    const steps = Float32Array.from({ length: one.size }, () => size * (2 * random() - 1));
    return tidy(() => add(one, tensor(steps, one.shape)));
  };
  return mapTree(params, move);
}

/** Values in a tree of tensors. */
export const sizeOf = (tree: unknown): number => {
  let size = 0;
  mapTree(tree, (one) => {
    size += one.size;
    return one;
  });
  return size;
};
