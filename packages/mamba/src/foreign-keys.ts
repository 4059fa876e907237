/**
 * Keys of a foreign config.json beside those of its own writer: which mean the same under another name, which change the
 * result and are refused, which change nothing. Walked through key by key: transformers 5.18 (Mamba, Mamba-2),
 * state-spaces/mamba 2.3 and flash-linear-attention 0.4 (Mamba, Mamba-2).
 */
import type { ConfigReader } from '@densessm/ssm-core';
import type { Layout, LayoutReader } from './layout';

/** How each writer names the eps of all its norms; the original has no key and always takes 1e-5. */
export const EPSILON_KEY = { transformers: 'layer_norm_epsilon', fla: 'norm_eps', mamba_ssm: 'norm_epsilon' } as const satisfies Record<
  Layout,
  string
>;
const EPSILON_NAMES = [
  ...['layer_norm_epsilon', 'norm_eps', 'rms_norm_eps', 'layer_norm_eps', 'layernorm_eps', 'layernorm_epsilon'],
  ...['norm_epsilon', 'rms_norm_epsilon', 'rmsnorm_eps', 'rmsnorm_epsilon'],
];
const MAMBA_SSM_EPSILON = 1e-5;

/** The eps of every norm, under whichever of its names. @throws SsmError CONFIG where two disagree */
export function readEpsilon({ layout, model }: LayoutReader): number {
  const key = model.spelling(EPSILON_KEY[layout], ...EPSILON_NAMES.filter((name) => name !== EPSILON_KEY[layout]));
  const eps = model.number(key, { fallback: MAMBA_SSM_EPSILON, min: 0 });
  const fix = 'the original has no key for the eps of its norms; write the config as transformers does to choose one';
  if (layout === 'mamba_ssm') model.require(eps === MAMBA_SSM_EPSILON, key, '1e-5, which mamba_ssm always takes', fix);
  return eps;
}

const HYBRID = 'hybrids with attention layers are not built here';
const FEED_FORWARD = 'feed-forward blocks between the mixers are not built here; train with d_intermediate 0';
/** Where a key with a number above zero, or any other content, means another model. */
const OTHER_MODELS: Readonly<Record<string, string>> = {
  attn: HYBRID,
  attn_layer_idx: HYBRID,
  attn_layer_indices: HYBRID,
  hybrid_override_pattern: HYBRID,
  layers_block_type: HYBRID,
  attnres_block_size: 'residuals through attention are not built here',
  moe_layer_freq: 'mixtures of experts are not built here',
  num_experts: 'mixtures of experts are not built here',
};
/** Factors of FalconH1, Granite, Gemma and the like, which mean nothing here where they are 1. */
const FACTORS = /(_multiplier|_multipliers|_soft_?cap|_softcapping|^logit_scale|^logits_scaling)$/;
/** An eps of a norm that no Mamba has: FalconMamba's `mixer_rms_eps`, say. */
const OTHER_EPSILON = /(norm|rms).*eps|^eps(ilon)?$/;

/** @throws SsmError CONFIG naming the first key by which the file belongs to another model than this one */
export function refuseOtherModels({ model }: LayoutReader): void {
  model.only('rms_norm', true, 'LayerNorm between the layers is not built here; train with rms_norm true');
  model.only('d_intermediate', 0, FEED_FORWARD);
  for (const [key, why] of Object.entries(OTHER_MODELS)) model.refuse(key, why);
  refuseOtherLayers(model);
  for (const key of Object.keys(model.json)) {
    if (FACTORS.test(key) && model.json[key] !== 1) model.refuse(key, 'factors of embeddings, logits or projections are not built here');
    if (OTHER_EPSILON.test(key) && !EPSILON_NAMES.includes(key))
      model.refuse(key, 'the model has no such norm: this is another kind of Mamba');
  }
}

/** transformers' newer configs say of every layer what it is; Mamba's say one word for all. */
function refuseOtherLayers(model: ConfigReader): void {
  const types = model.json.layer_types;
  const ours = !Array.isArray(types) || types.every((type) => type === 'linear_attention' || type === 'mamba' || type === 'mamba2');
  model.require(ours, 'layer_types', 'mamba in every layer', HYBRID);
}

/** Keys of the original's `ssm_cfg` that choose kernels or starting values. It refuses every key that it does not know, and so do we. */
export const HARMLESS_IN_SSM_CFG = [
  ...['layer', 'use_fast_path', 'use_mem_eff_path', 'conv_init', 'A_init_range', 'chunk_size'],
  ...['process_group', 'sequence_parallel', 'layer_idx', 'device', 'dtype'],
];

/**
 * Keys that may stand in a foreign config.json and change no logits: how a file was made, which kernels or precision it trained with,
 * token ids, how a model starts, options of transformers' output, leftovers of the original.
 */
const HARMLESS = [
  ...['model_type', 'architectures', 'dtype', 'torch_dtype', 'transformers_version', '_name_or_path', 'name_or_path', 'auto_map'],
  ...['use_cache', 'use_mambapy', 'use_associative_scan', 'residual_in_fp32', 'fused_add_norm', 'is_decoder', 'is_encoder_decoder'],
  ...['bos_token_id', 'eos_token_id', 'pad_token_id', 'unk_token_id', 'vocab_file', 'max_position_embeddings', 'norm_before_gate'],
  ...['fuse_norm', 'fuse_cross_entropy', 'fuse_linear_cross_entropy', 'use_l2warp', 'conv_init', 'A_init_range', 'chunk_size'],
  ...['time_step_rank', 'time_step_scale', 'time_step_init_scheme', 'time_step_min', 'time_step_max', 'time_step_floor'],
  ...['intermediate_size', 'initializer_range', 'rescale_prenorm_residual', 'output_attentions', 'output_hidden_states', 'return_dict'],
  ...['d_model', 'd_inner', 'n_layer', 'ssm_cfg', 'attn_layer_idx', 'attn_cfg', 'pad_vocab_size_multiple', 'tie_embeddings'],
  ...['problem_type', 'id2label', 'label2id', 'task_specific_params', 'tokenizer_class', 'prefix', 'quantization_config', 'task_params'],
  ...[
    'layer_types',
    'attn',
    'rmsnorm',
    'D_has_hdim',
    'use_return_dict',
    '_attn_implementation_autoset',
    'pruned_heads',
    'chunk_size_feed_forward',
  ],
];

/** Says which keys of a file are neither read nor known to change nothing. */
export function unknownKeyWarnings(rest: Readonly<Record<string, unknown>>): string[] {
  const unknown = Object.keys(rest).filter((key) => !HARMLESS.includes(key));
  return unknown.length > 0 ? [`keys that are not known here and were ignored: ${unknown.join(', ')}`] : [];
}
