import type { ConfigJson, ConfigReader } from '@densessm/ssm-core';
import { type BackboneConfig, backboneFields, readBackbone } from '../backbone-config';
import { connectionsToJson, parseConnections, refuseUnknownKeys } from '../dense';
import { HARMLESS_IN_SSM_CFG, unknownKeyWarnings } from '../foreign-keys';
import { isOriginal, type LayoutReader, readLayout, unreadKeys, writeLayout } from '../layout';

/** Mamba-2 and Dense Mamba-2; only the latter has `dense`. */
export interface Mamba2Config extends BackboneConfig {
  readonly family: 'mamba2';
  readonly numHeads: number;
  readonly headDim: number;
  /** Groups of heads; the heads of one share B and C. */
  readonly nGroups: number;
  /** Δ is kept within these; the upper may be Infinity. */
  readonly timeStepLimit: readonly [low: number, high: number];
  /** The gated norm's: norm(y) silu(z) instead of norm(y silu(z)). The original and fla have the choice; transformers ignores its key. */
  readonly normBeforeGate: boolean;
  /**
   * Whether the gated norm takes the mean square of each group instead of all channels. Undefined where the file does not say: then
   * over all channels in transformers' layout, per group in the others, as each implementation computes it.
   */
  readonly normPerGroup: boolean | undefined;
  /** A starts within these in the original and in fla; transformers starts it at 1, 2, … heads. */
  readonly aInitRange: readonly [low: number, high: number];
  /** The reference's tokens per chunk. Nothing depends on it: kernels choose their own. */
  readonly chunkSize: number;
}

export const MAMBA2_MODEL_TYPE = 'mamba2';
export const DENSE_MAMBA2_MODEL_TYPE = 'dense_mamba2';

/** The original's config.json, which has no `model_type`. */
export const recognizesMamba2 = (json: ConfigJson): boolean => isOriginal(json, 'Mamba2');

/**
 * Reads a config.json of transformers' or flash-linear-attention's Mamba-2 or of the original mamba_ssm. Keys that are left out mean what each means
 * by it, except for the vocabulary, the hidden size and the number of layers, which must be there.
 * @throws SsmError CONFIG
 */
export function parseMamba2Config(json: unknown): Mamba2Config {
  const reader = readLayout('parseMamba2Config', json);
  reader.model.only('model_type', MAMBA2_MODEL_TYPE, 'read it with the model of that type');
  const fields = readMamba2(reader);
  if (reader.layout === 'mamba_ssm') reader.mixer.refuseUnknown(HARMLESS_IN_SSM_CFG);
  return Object.freeze({ ...fields, rest: unreadKeys(reader) });
}

/**
 * Reads a config.json of ours: the keys of Mamba-2, in either layout, and those of its dense connections.
 * @throws SsmError CONFIG, also for a key that no one knows.
 */
export function parseDenseMamba2Config(json: unknown): Mamba2Config {
  const reader = readLayout('parseDenseMamba2Config', json);
  reader.model.only('model_type', DENSE_MAMBA2_MODEL_TYPE, 'read it with the model of that type');
  const fields = readMamba2(reader);
  const dense = parseConnections(reader.model, fields.hiddenSize);
  for (const part of [reader.model, reader.mixer]) refuseUnknownKeys(part);
  return Object.freeze({ ...fields, dense, rest: unreadKeys(reader) });
}

function readMamba2(reader: LayoutReader): Omit<Mamba2Config, 'rest' | 'dense'> {
  const { layout, model, mixer, mixerKey } = reader;
  const original = layout === 'mamba_ssm';
  const isFla = layout === 'fla';
  const backbone = readBackbone(reader, { stateSize: 128, tieWordEmbeddings: original, rescalePrenormResidual: isFla });
  refuseOtherMixers(reader);
  const innerSize = backbone.expand * backbone.hiddenSize;
  mixer.require(
    Number.isInteger(innerSize),
    mixerKey('expand'),
    `a factor that makes a whole number of channels of ${backbone.hiddenSize}`,
  );
  if (original) mixer.only('d_ssm', innerSize, 'channels beside the state space model are not built here');
  return {
    ...backbone,
    family: 'mamba2',
    innerSize,
    ...readHeads(reader, innerSize),
    timeStepLimit: readLimit(mixer, mixerKey('timeStepLimit')),
    normBeforeGate: layout !== 'transformers' && mixer.boolean('norm_before_gate', false),
    normPerGroup: model.has('norm_per_group') ? model.boolean('norm_per_group') : undefined,
    aInitRange: layout === 'transformers' ? [1, 16] : readRange(mixer),
    chunkSize: mixer.integer(mixerKey('chunkSize'), { fallback: 256 }),
  };
}

function readHeads({ layout, mixer, mixerKey }: LayoutReader, innerSize: number): Pick<Mamba2Config, 'numHeads' | 'headDim' | 'nGroups'> {
  const isTransformers = layout === 'transformers';
  const [headKey, groupKey] = [mixerKey('headDim'), mixerKey('nGroups')];
  const headDim = mixer.integer(headKey, { fallback: 64 });
  mixer.require(innerSize % headDim === 0, headKey, `a divisor of ${innerSize}, the hidden size times expand`);
  const numHeads =
    layout === 'mamba_ssm' ? innerSize / headDim : mixer.integer('num_heads', { fallback: isTransformers ? 128 : innerSize / headDim });
  mixer.require(numHeads * headDim === innerSize, 'num_heads', `${innerSize / headDim}: num_heads × head_dim is hidden_size × expand`);
  const nGroups = mixer.integer(groupKey, { fallback: isTransformers ? 8 : 1 });
  mixer.require(numHeads % nGroups === 0, groupKey, `a divisor of the ${numHeads} heads`);
  return { numHeads, headDim, nGroups };
}

function refuseOtherMixers({ layout, mixer }: LayoutReader): void {
  if (layout === 'mamba_ssm') {
    const fix = 'read it with the model of that layer: mamba for Mamba1, or where none is named';
    mixer.only('layer', 'Mamba2', fix);
    mixer.require(mixer.has('layer'), 'layer', '"Mamba2"', fix);
  }
  mixer.only('rmsnorm', true, 'a mixer without its gated norm is not built here; train with rmsnorm true');
  mixer.only('D_has_hdim', false, 'a D for every channel is not built here; train with D_has_hdim false');
}

function readLimit(mixer: ConfigReader, key: string): [number, number] {
  const [low, high] = mixer.numbers(key, 2, [0, Infinity]) as [number, number];
  mixer.require(low >= 0 && low <= high, key, 'two numbers, 0 ≤ low ≤ high, where high may be Infinity');
  return [low, high];
}

function readRange(mixer: ConfigReader): [number, number] {
  const [low, high] = mixer.numbers('A_init_range', 2, [1, 16]) as [number, number];
  mixer.require(low > 0 && low <= high, 'A_init_range', 'two numbers, 0 < low ≤ high');
  return [low, high];
}

/** How many channels share a mean square in the gated norm: transformers takes all, the original and fla those of a group, unless the file says otherwise. */
export const gatedNormSize = ({ layout, nGroups, normPerGroup, innerSize }: Mamba2Config): number =>
  (normPerGroup ?? layout !== 'transformers') ? innerSize / nGroups : innerSize;

/**
 * What a user should know of a config that two implementations read differently.
 * mistralai/Mamba-Codestral-7B-v0.1 is such a file: transformers' layout, 8 groups, trained with the original.
 */
export function mamba2Warnings({ layout, nGroups, normPerGroup, dense, rest }: Mamba2Config): string[] {
  const isAmbiguous = layout === 'transformers' && nGroups > 1 && normPerGroup === undefined && !dense;
  const groups = `the gated norm of ${nGroups} groups is taken over all channels, as transformers does; the original mamba_ssm takes it per group, and a model that was trained with it (Mamba-Codestral, say) needs "norm_per_group": true in config.json ("norm_per_group": false silences this warning)`;
  return [...(isAmbiguous ? [groups] : []), ...unknownKeyWarnings(rest)];
}

/** What to write as config.json, in the layout that the config was read from. */
export function mamba2ConfigToJson(config: Mamba2Config): Record<string, unknown> {
  const { layout, rest, dense, hiddenSize, headDim, nGroups, chunkSize } = config;
  const { model, mixer } = backboneFields(config);
  const modelType = { model_type: dense ? DENSE_MAMBA2_MODEL_TYPE : MAMBA2_MODEL_TYPE };
  const connections = {
    ...(dense ? connectionsToJson(dense, hiddenSize) : {}),
    ...(config.normPerGroup === undefined ? {} : { norm_per_group: config.normPerGroup }),
  };
  if (layout === 'mamba_ssm') {
    const choices = { layer: 'Mamba2', norm_before_gate: config.normBeforeGate, A_init_range: config.aInitRange };
    const fields = { ...choices, ...mixer, headDim, nGroups, chunkSize, ...originalLimit(config) };
    return writeLayout(layout, rest, { ...(dense ? modelType : {}), ...model, ...connections }, fields);
  }
  const [low, high] = config.timeStepLimit;
  const timeStepLimit = [low, high === Infinity ? { __float__: 'Infinity' } : high];
  const choices = layout === 'fla' ? { norm_before_gate: config.normBeforeGate, A_init_range: config.aInitRange } : {};
  const fields = { ...mixer, ...choices, num_heads: config.numHeads, headDim, nGroups, chunkSize, timeStepLimit };
  return writeLayout(layout, rest, { ...modelType, ...model, ...connections }, fields);
}

/** The largest float32 does what infinity does, and JSON can write it. */
export const FLOAT32_MAX = 3.4028234663852886e38;

const originalLimit = ({ timeStepLimit: [low, high] }: Mamba2Config): { timeStepLimit?: [number, number] } =>
  low === 0 && high === Infinity ? {} : { timeStepLimit: [low, Math.min(high, FLOAT32_MAX)] };
