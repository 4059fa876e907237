import type { ConfigJson, ConfigReader } from '@densessm/ssm-core';
import { type BackboneConfig, backboneFields, readBackbone } from '../backbone-config';
import { connectionsToJson, parseConnections, refuseUnknownKeys } from '../dense';
import { HARMLESS_IN_SSM_CFG, unknownKeyWarnings } from '../foreign-keys';
import { isOriginal, type LayoutReader, readLayout, unreadKeys, writeLayout } from '../layout';

const INIT_SCHEMES = ['random', 'constant'] as const;

/** Mamba and DenseMamba; only the latter has `dense`. */
export interface MambaConfig extends BackboneConfig {
  readonly family: 'mamba';
  /** Rank of Δ. */
  readonly timeStepRank: number;
  /** Starting values of the projection of Δ: uniform within ± scale / √rank, or all scale / √rank. */
  readonly timeStepScale: number;
  readonly timeStepInitScheme: (typeof INIT_SCHEMES)[number];
}

export const MAMBA_MODEL_TYPE = 'mamba';
export const DENSE_MAMBA_MODEL_TYPE = 'dense_mamba';

/** The original's config.json, which has no `model_type`. */
export const recognizesMamba = (json: ConfigJson): boolean => isOriginal(json, 'Mamba1');

/**
 * Reads a config.json of transformers' or flash-linear-attention's Mamba or of the original mamba_ssm. Keys that are left out mean what each means by
 * it, except for the vocabulary, the hidden size and the number of layers, which must be there.
 * @throws SsmError CONFIG
 */
export function parseMambaConfig(json: unknown): MambaConfig {
  const reader = readLayout('parseMambaConfig', json);
  reader.model.only('model_type', MAMBA_MODEL_TYPE, 'read it with the model of that type');
  const fields = readMamba(reader);
  if (reader.layout === 'mamba_ssm') reader.mixer.refuseUnknown(HARMLESS_IN_SSM_CFG);
  return Object.freeze({ ...fields, rest: unreadKeys(reader) });
}

/**
 * Reads a config.json of ours: the keys of Mamba, in either layout, and those of its dense connections.
 * @throws SsmError CONFIG, also for a key that no one knows.
 */
export function parseDenseMambaConfig(json: unknown): MambaConfig {
  const reader = readLayout('parseDenseMambaConfig', json);
  reader.model.only('model_type', DENSE_MAMBA_MODEL_TYPE, 'read it with the model of that type');
  const fields = readMamba(reader);
  const dense = parseConnections(reader.model, fields.hiddenSize);
  for (const part of [reader.model, reader.mixer]) refuseUnknownKeys(part);
  return Object.freeze({ ...fields, dense, rest: unreadKeys(reader) });
}

function readMamba(reader: LayoutReader): Omit<MambaConfig, 'rest' | 'dense'> {
  const { layout, model, mixer, mixerKey } = reader;
  const backbone = readBackbone(reader, { stateSize: 16, tieWordEmbeddings: layout !== 'fla', rescalePrenormResidual: false });
  if (layout === 'mamba_ssm') mixer.only('layer', 'Mamba1', 'read it with the model of that layer: mamba2 for Mamba2');
  const expanded = Math.floor(backbone.expand * backbone.hiddenSize);
  mixer.require(expanded > 0, mixerKey('expand'), `a factor that makes at least one channel of ${backbone.hiddenSize}`);
  return {
    ...backbone,
    family: 'mamba',
    // transformers lets a stored intermediate_size win over expand
    innerSize: layout !== 'mamba_ssm' ? model.integer('intermediate_size', { fallback: expanded }) : expanded,
    timeStepRank: readRank(mixer, mixerKey('timeStepRank'), backbone.hiddenSize),
    timeStepScale: mixer.number(mixerKey('timeStepScale'), { fallback: 1, min: 0 }),
    timeStepInitScheme: mixer.oneOf(mixerKey('timeStepInitScheme'), INIT_SCHEMES, 'random'),
  };
}

/** What a user should know of a foreign config. */
export const mambaWarnings = ({ rest }: MambaConfig): string[] => unknownKeyWarnings(rest);

/** A number, or 'auto' for a sixteenth of the hidden size. */
function readRank(mixer: ConfigReader, key: string, hiddenSize: number): number {
  if (mixer.has(key) && mixer.json[key] !== 'auto') return mixer.integer(key);
  mixer.oneOf(key, ['auto'], 'auto');
  return Math.ceil(hiddenSize / 16);
}

/** What to write as config.json, in the layout that the config was read from. */
export function mambaConfigToJson(config: MambaConfig): Record<string, unknown> {
  const { layout, rest, dense, hiddenSize, timeStepRank, timeStepScale, timeStepInitScheme } = config;
  const { model, mixer } = backboneFields(config);
  const inOriginal = layout === 'mamba_ssm';
  const modelType = dense ? DENSE_MAMBA_MODEL_TYPE : MAMBA_MODEL_TYPE;
  return writeLayout(
    layout,
    rest,
    {
      ...(inOriginal && !dense ? {} : { model_type: modelType }),
      ...model,
      ...(inOriginal ? {} : { intermediate_size: config.innerSize }),
      ...(dense ? connectionsToJson(dense, hiddenSize) : {}),
    },
    { ...(inOriginal ? { layer: 'Mamba1' } : {}), ...mixer, timeStepRank, timeStepScale, timeStepInitScheme },
  );
}
