import { type DenseConfig, denseConfigToJson, parseDenseConfig } from '@densessm/dense-connect';
import { type ConfigJson, type ConfigReader, readConfig } from '@densessm/ssm-core';
import { requireHeads } from '../head-sizes';

const ACTIVATIONS = ['gelu', 'swish', 'relu'] as const;

/** torchscale's RetNetConfig, in words; `dense` is ours. */
export interface RetNetConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  readonly numHeads: number;
  /** Width of all keys together; in this model the hidden size. */
  readonly keyDim: number;
  /** Width of all values together. */
  readonly valueDim: number;
  readonly feedForwardSize: number;
  /** Norms before retention and feed-forward and at the end, instead of behind each residual sum. */
  readonly normalizeBefore: boolean;
  readonly activation: (typeof ACTIVATIONS)[number];
  /** Embeddings times √hiddenSize. */
  readonly scaleEmbedding: boolean;
  readonly normEmbedding: boolean;
  readonly tieWordEmbeddings: boolean;
  /** Residuals times (2L)^¼ and a smaller start: Wang et al. 2022, arXiv:2203.00555. */
  readonly deepnorm: boolean;
  readonly normEps: number;
  readonly dense: DenseConfig;
  /** What else the file says that changes nothing here: written back as it was. */
  readonly rest: ConfigJson;
}

/** Keys of torchscale and transformers that change nothing here: dropout, fairscale, the parallel modes' own chunk size. */
const WITHOUT_MEANING = [
  ...['dropout', 'drop_path_rate', 'activation_dropout', 'rel_pos_buckets', 'max_rel_pos', 'subln', 'max_target_positions'],
  ...['moe_top1_expert', 'moe_expert_count', 'moe_gating_use_fp32', 'moe_eval_capacity_token_fraction', 'moe_second_expert_policy'],
  ...['moe_normalize_gate_prob_before_dropping', 'chunkwise_recurrent', 'recurrent_chunk_size', 'checkpoint_activations', 'fsdp'],
  ...['ddp_rank', 'xpos_rel_pos', 'xpos_scale_base', 'encoder_normalize_before', 'architectures', 'dtype'],
  ...['torch_dtype', 'transformers_version', 'bos_token_id', 'eos_token_id', 'pad_token_id'],
];

/** Beyond every model: a tree of more would fill the memory before anyone compares it with a file. */
export const MAX_LAYERS = 2 ** 14;

export const RETNET_MODEL_TYPE = 'retnet';

/** torchscale writes no `model_type`: its configs are known by a key that no other format has. */
export const recognizesRetNet = (json: ConfigJson): boolean => json.decoder_retention_heads !== undefined;

/**
 * Reads torchscale's config.json, or ours, which has the same keys, `model_type` "retnet" and the dense keys.
 * Keys that are left out mean what torchscale means by it.
 * @throws SsmError CONFIG
 */
export function parseRetNetConfig(json: unknown): RetNetConfig {
  const reader = readConfig('parseRetNetConfig', json);
  refuseOtherRetNets(reader);
  refuseOtherForms(reader);
  const hiddenSize = reader.integer('decoder_embed_dim', { fallback: 768 });
  const config: RetNetConfig = {
    vocabSize: reader.integer('vocab_size'),
    hiddenSize,
    numHiddenLayers: reader.integer('decoder_layers', { fallback: 12, max: MAX_LAYERS }),
    numHeads: reader.integer('decoder_retention_heads', { fallback: 3 }),
    keyDim: hiddenSize,
    valueDim: reader.integer('decoder_value_embed_dim', { fallback: 1280 }),
    feedForwardSize: reader.integer('decoder_ffn_embed_dim', { fallback: 1280 }),
    normalizeBefore: reader.boolean('decoder_normalize_before', true),
    activation: reader.oneOf('activation_fn', ACTIVATIONS, 'gelu'),
    scaleEmbedding: !reader.boolean('no_scale_embedding', true),
    normEmbedding: reader.boolean('layernorm_embedding', false),
    tieWordEmbeddings: reader.boolean('share_decoder_input_output_embed', false),
    deepnorm: reader.boolean('deepnorm', false),
    normEps: reader.number(reader.spelling('layernorm_eps', ...EPSILON_NAMES), { fallback: 1e-6, min: 0 }),
    dense: parseDenseConfig(reader, hiddenSize),
    rest: Object.fromEntries(WITHOUT_MEANING.filter((key) => reader.has(key)).map((key) => [key, reader.json[key]])),
  };
  requireHeads(reader, config, { keys: 'decoder_embed_dim', values: 'decoder_value_embed_dim' });
  if (reader.json.model_type === RETNET_MODEL_TYPE) reader.refuseUnknown(['model_type', ...WITHOUT_MEANING]);
  return Object.freeze(config);
}

/** Other implementations' names of the eps. */
const EPSILON_NAMES = ['norm_eps', 'rms_norm_eps', 'layer_norm_eps', 'layer_norm_epsilon', 'layernorm_epsilon'];

/** Keys by which other implementations' files are known, which say `model_type` "retnet" too. */
const FLA_KEYS = ['expand_k', 'expand_v', 'attn_mode', 'hidden_ratio', 'use_output_gate', 'num_kv_heads', 'feature_map', 'use_short_conv'];
const SYNCDOTH_KEYS = ['forward_impl', 'output_retentions', 'use_lm_decay', 'use_glu', 'use_ffn_rms_norm', 'z_loss_coeff'];

function refuseOtherRetNets(reader: ConfigReader): void {
  const fla =
    "this is flash-linear-attention's RetNet, another model: it rotates halves of a head instead of pairs, by other angles, norms heads with a gain and has another feed-forward";
  const syncdoth =
    'this is a config of syncdoth/RetNet, whose tensors have other names (`model.…`, `lm_head.weight`) and which has options of its own: write it with the names and keys of torchscale';
  for (const key of FLA_KEYS) reader.require(!reader.has(key), key, 'a config of torchscale, or of ours', fla);
  for (const key of SYNCDOTH_KEYS) reader.require(!reader.has(key), key, 'a config of torchscale, or of ours', syncdoth);
}

function refuseOtherForms(reader: ConfigReader): void {
  reader.only('multiway', false, 'multiway networks hold two models in one; keep one of them');
  reader.only('moe_freq', 0, 'mixtures of experts are not built here; train with moe_freq 0');
  reader.only('use_xmoe', false, 'mixtures of experts are not built here; train with moe_freq 0');
  reader.only('no_output_layer', false, 'a language model needs its output layer');
}

/** torchscale's keys, `model_type`, and the dense keys where there are dense layers. */
export function retnetConfigToJson(config: RetNetConfig): Record<string, unknown> {
  return {
    ...config.rest,
    model_type: RETNET_MODEL_TYPE,
    vocab_size: config.vocabSize,
    decoder_embed_dim: config.hiddenSize,
    decoder_layers: config.numHiddenLayers,
    decoder_retention_heads: config.numHeads,
    decoder_value_embed_dim: config.valueDim,
    decoder_ffn_embed_dim: config.feedForwardSize,
    decoder_normalize_before: config.normalizeBefore,
    activation_fn: config.activation,
    no_scale_embedding: !config.scaleEmbedding,
    layernorm_embedding: config.normEmbedding,
    share_decoder_input_output_embed: config.tieWordEmbeddings,
    deepnorm: config.deepnorm,
    layernorm_eps: config.normEps,
    ...(config.dense.denseLayers > 0 ? denseConfigToJson(config.dense, config.hiddenSize) : {}),
  };
}
