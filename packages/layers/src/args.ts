import { completeDenseConfig, type DenseConfig, denseConfigToJson } from '@densessm/dense-connect';
import { type ConfigJson, SsmError } from '@densessm/ssm-core';
import type { layers } from '@tensorflow/tfjs-layers';

/** What every layer of tf.layers takes: a name, an input shape where it is the first, whether it is trained. */
export type LayerArgs = NonNullable<ConstructorParameters<typeof layers.Layer>[0]>;

/** Dense connections: what is left out is as in the models. */
export type DenseArgs = Partial<DenseConfig> & Pick<DenseConfig, 'denseLayers'>;

/** What the layers of every family take. */
export interface SequenceLayerArgs extends LayerArgs {
  /** Blocks behind one another. Default 1. */
  depth?: number;
  /** Dense connections among these blocks, `{ denseLayers: 2 }` say. None unless given. */
  dense?: DenseArgs;
  /** [B, T, D] (the default), or the last step's vector alone, [B, D]. */
  returnSequences?: boolean;
  /** Of the starting values. Default 1; two layers of one seed start alike. */
  seed?: number;
  /** Whether a backward pass computes what is inside a block again instead of keeping it. Default false. */
  recompute?: boolean;
  /** Other keys of the model's config.json, in camelCase: `{ timeStepMax: 0.2 }`. */
  config?: ConfigJson;
}

const OF_TFJS = [
  'name',
  'trainable',
  'inputShape',
  'batchInputShape',
  'batchSize',
  'dtype',
  'weights',
  'inputDType',
  'inputDtype',
  'customObjects',
];

/**
 * The arguments without those that are null, as absent ones are in a saved model.
 * @throws SsmError OPTION for one that the layer does not have
 */
export function checkArgs<A extends LayerArgs>(layer: string, args: A | undefined, known: readonly string[]): A {
  const given = Object.fromEntries(Object.entries(args ?? {}).filter(([, value]) => value !== undefined && value !== null));
  const unknown = Object.keys(given).find((name) => !known.includes(name) && !OF_TFJS.includes(name));
  if (unknown === undefined) return given as A;
  throw optionError(
    `${layer} has no option \`${unknown}\`.`,
    `one of ${known.join(', ')}, or an option of every layer`,
    unknown,
    'remove it or correct its spelling; other keys of the model belong into `config`',
  );
}

/** timeStepMax → time_step_max: as tfjs writes the names of a saved model, and as the models' config.json has them. */
const onDisk = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** time_step_max → timeStepMax */
const inCode = (key: string): string => key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

const renamed = (fields: ConfigJson, rename: (key: string) => string): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([key, value]) => [rename(key), value]));

/** Fields in camelCase as those of a config.json; absent ones are left out. */
export const fieldsOnDisk = (fields: ConfigJson): Record<string, unknown> =>
  renamed(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null)), onDisk);

/** The inverse of {@link fieldsOnDisk}. */
export const fieldsInCode = (json: ConfigJson): Record<string, unknown> => renamed(json, inCode);

/** Keys that a layer says otherwise: what it takes from its input, has arguments for, or has no use for. */
const SAID_OTHERWISE = ['modelType', 'architectures', 'vocabSize', 'hiddenSize', 'numHiddenLayers', 'decoderEmbedDim', 'decoderLayers'];

/** A model's config.json as arguments of a layer: those that it has under `own` names, the others as its `config`. */
export function argsFromJson(json: ConfigJson, own: Readonly<Record<string, string>>): Record<string, unknown> {
  const fields = Object.entries(fieldsInCode(json)).filter(([, value]) => value !== null && value !== undefined);
  const args = fields.flatMap(([key, value]) => (key in own ? [[own[key], value]] : []));
  const others = fields.filter(([key]) => !(key in own) && !SAID_OTHERWISE.includes(key) && !key.startsWith('dense'));
  return { ...Object.fromEntries(args), config: Object.fromEntries(others) };
}

/** Dense connections as config.json has them; nothing where there are none. @throws SsmError CONFIG */
export function denseOnDisk(layer: string, dense: DenseArgs | undefined, hiddenSize: number): Record<string, unknown> {
  if (dense === undefined) return {};
  const { fuses, ...choices } = Object.fromEntries(
    Object.entries(dense).filter(([, value]) => value !== null && value !== undefined),
  ) as DenseArgs & { fuses?: string };
  const json = denseConfigToJson(completeDenseConfig(layer, choices, hiddenSize), hiddenSize);
  return fuses === undefined ? json : { ...json, dense_fusion: fuses };
}

export const optionError = (what: string, expected: string, got: string, fix: string): SsmError =>
  new SsmError({ code: 'OPTION', what, expected, got, fix });
