/**
 * The ways in which Mamba's config.json and tensors are written: Hugging Face transformers (`hidden_size`, …),
 * flash-linear-attention (the same tensors and most of the keys, but other defaults, norms and names of Δ's keys) and
 * the original state-spaces/mamba (`d_model`, …, with the mixer's keys inside `ssm_cfg`). A config remembers which.
 */
import { type ConfigJson, type ConfigReader, readConfig } from '@densessm/ssm-core';
import { isObject } from '@densessm/ssm-core/plain';

export type Layout = 'transformers' | 'mamba_ssm' | 'fla';

type Names = Readonly<Record<Layout, string>>;
const names = (transformers: string, mambaSsm: string, fla = transformers): Names => ({ transformers, mamba_ssm: mambaSsm, fla });

/** Keys of the whole model. */
export const MODEL_KEYS = {
  vocabSize: names('vocab_size', 'vocab_size'),
  hiddenSize: names('hidden_size', 'd_model'),
  numHiddenLayers: names('num_hidden_layers', 'n_layer'),
  tieWordEmbeddings: names('tie_word_embeddings', 'tie_embeddings'),
} as const;

/** Keys of the mixer: beside the others in transformers, inside `ssm_cfg` in the original. */
export const MIXER_KEYS = {
  expand: names('expand', 'expand'),
  stateSize: names('state_size', 'd_state'),
  convKernel: names('conv_kernel', 'd_conv'),
  useBias: names('use_bias', 'bias'),
  useConvBias: names('use_conv_bias', 'conv_bias'),
  timeStepMin: names('time_step_min', 'dt_min', 'dt_min'),
  timeStepMax: names('time_step_max', 'dt_max', 'dt_max'),
  timeStepFloor: names('time_step_floor', 'dt_init_floor', 'dt_init_floor'),
  timeStepRank: names('time_step_rank', 'dt_rank', 'dt_rank'),
  timeStepScale: names('time_step_scale', 'dt_scale', 'dt_scale'),
  timeStepInitScheme: names('time_step_init_scheme', 'dt_init', 'dt_init_scheme'),
  timeStepLimit: names('time_step_limit', 'dt_limit', 'dt_limit'),
  headDim: names('head_dim', 'headdim'),
  nGroups: names('n_groups', 'ngroups'),
  chunkSize: names('chunk_size', 'chunk_size'),
} as const;

/** A config.json with the places of its keys. */
export interface LayoutReader {
  readonly layout: Layout;
  readonly model: ConfigReader;
  readonly mixer: ConfigReader;
  modelKey(field: keyof typeof MODEL_KEYS): string;
  mixerKey(field: keyof typeof MIXER_KEYS): string;
}

/** Keys that flash-linear-attention writes and transformers does not. */
const FLA_KEYS = [
  ...['norm_eps', 'fuse_norm', 'fuse_cross_entropy', 'fuse_linear_cross_entropy', 'use_l2warp'],
  ...['dt_rank', 'dt_min', 'dt_max', 'dt_scale', 'dt_init_scheme', 'dt_init_floor', 'dt_limit'],
];

/** transformers' own configs may carry the original's keys too, as leftovers of a conversion; those that it reads decide. */
export function layoutOf(json: ConfigJson): Layout {
  if (json.d_model !== undefined && json.hidden_size === undefined) return 'mamba_ssm';
  return FLA_KEYS.some((key) => json[key] !== undefined) ? 'fla' : 'transformers';
}

/** Whether this is a config of the original, which names no `model_type`, for this class of mixer ('Mamba1' where it names none). */
export const isOriginal = (json: ConfigJson, mixer: 'Mamba1' | 'Mamba2'): boolean =>
  json.model_type === undefined &&
  layoutOf(json) === 'mamba_ssm' &&
  ((isObject(json.ssm_cfg) ? json.ssm_cfg.layer : undefined) ?? 'Mamba1') === mixer;

/** transformers 5 writes infinity as {"__float__": "Infinity"} or {"__float__": "1e999"}; readers of bare words and JSON5 give the number. */
function withInfinity(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withInfinity);
  if (!isObject(value)) return value;
  if (typeof value.__float__ === 'string') return Number(value.__float__.replace(/^([-+]?)inf$/i, '$1Infinity'));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withInfinity(item)]));
}

/** @throws SsmError CONFIG */
export function readLayout(where: string, json: unknown): LayoutReader {
  const model = readConfig(where, withInfinity(json));
  const layout = layoutOf(model.json);
  const mixer = layout === 'mamba_ssm' ? readConfig(`${where}: ssm_cfg`, model.object('ssm_cfg')) : model;
  const mixerKey: LayoutReader['mixerKey'] = (field) => {
    const { transformers, mamba_ssm, fla } = MIXER_KEYS[field];
    if (layout === 'mamba_ssm') return mamba_ssm;
    return layout === 'fla' ? mixer.spelling(fla, transformers) : mixer.spelling(transformers, fla);
  };
  return { layout, model, mixer, modelKey: (field) => MODEL_KEYS[field][layout], mixerKey };
}

type Fields = Readonly<Record<string, unknown>>;

/** The inverse of {@link readLayout}: fields under the keys of a layout, in front of them what the file also said. */
export function writeLayout(layout: Layout, rest: ConfigJson, model: Fields, mixer: Fields): Record<string, unknown> {
  const underKeys = (fields: Fields, keys: Readonly<Record<string, Names>>) =>
    Object.fromEntries(Object.entries(fields).map(([field, value]) => [keys[field]?.[layout] ?? field, value]));
  const [modelJson, mixerJson] = [underKeys(model, MODEL_KEYS), underKeys(mixer, MIXER_KEYS)];
  if (layout !== 'mamba_ssm') return { ...rest, ...modelJson, ...mixerJson };
  const restOfMixer = isObject(rest.ssm_cfg) ? rest.ssm_cfg : {};
  return { ...rest, ...modelJson, ssm_cfg: { ...restOfMixer, ...mixerJson } };
}

/** What the file says beyond what we read. */
export function unreadKeys({ layout, model, mixer }: LayoutReader): ConfigJson {
  const rest = model.unread();
  const restOfMixer = layout === 'mamba_ssm' ? mixer.unread() : {};
  return Object.keys(restOfMixer).length > 0 ? { ...rest, ssm_cfg: restOfMixer } : rest;
}
