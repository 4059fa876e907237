import type { ConfigJson } from '@densessm/ssm-core';
import type { MambaConnections } from './dense';
import { EPSILON_KEY, readEpsilon, refuseOtherModels } from './foreign-keys';
import type { Layout, LayoutReader } from './layout';

/** What Mamba and Mamba-2 share. */
export interface BackboneConfig {
  /** The format that the config was read from: names on disk, starting values and the gated norm's groups follow it. */
  readonly layout: Layout;
  /** Rows of the embedding; the original rounds its `vocab_size` up to a multiple of `pad_vocab_size_multiple`. */
  readonly vocabSize: number;
  /** Before padding, as the file says. */
  readonly unpaddedVocabSize: number;
  readonly padVocabSizeMultiple: number;
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  readonly expand: number;
  /** E, the channels inside a mixer. */
  readonly innerSize: number;
  readonly stateSize: number;
  readonly convKernel: number;
  /** Biases of the projections into and out of a mixer. */
  readonly useBias: boolean;
  readonly useConvBias: boolean;
  readonly layerNormEpsilon: number;
  readonly tieWordEmbeddings: boolean;
  /** The remaining numbers shape the starting values only. */
  readonly initializerRange: number;
  readonly rescalePrenormResidual: boolean;
  readonly timeStepMin: number;
  readonly timeStepMax: number;
  readonly timeStepFloor: number;
  /** Left out in the plain models. */
  readonly dense?: MambaConnections;
  /** What else the file says (token ids, versions): written back as it was. */
  readonly rest: ConfigJson;
}

/** Beyond every model: a tree of more would fill the memory before anyone compares it with a file. */
const MAX_LAYERS = 2 ** 14;

/** What a family takes a missing key to mean. */
export interface BackboneDefaults {
  stateSize: number;
  tieWordEmbeddings: boolean;
  rescalePrenormResidual: boolean;
}

/** @throws SsmError CONFIG */
export function readBackbone(reader: LayoutReader, defaults: BackboneDefaults): Omit<BackboneConfig, 'innerSize' | 'rest' | 'dense'> {
  const { layout, model, mixer, modelKey, mixerKey } = reader;
  const original = layout === 'mamba_ssm';
  refuseOtherModels(reader);
  if (!original) model.oneOf('hidden_act', ['silu', 'swish'], 'silu');
  const unpaddedVocabSize = model.integer(modelKey('vocabSize'));
  const padVocabSizeMultiple = original ? model.integer('pad_vocab_size_multiple', { fallback: 8 }) : 1;
  return {
    layout,
    vocabSize: Math.ceil(unpaddedVocabSize / padVocabSizeMultiple) * padVocabSizeMultiple,
    unpaddedVocabSize,
    padVocabSizeMultiple,
    hiddenSize: model.integer(modelKey('hiddenSize')),
    numHiddenLayers: model.integer(modelKey('numHiddenLayers'), { max: MAX_LAYERS }),
    expand: mixer.number(mixerKey('expand'), { fallback: 2, min: Number.MIN_VALUE }),
    stateSize: mixer.integer(mixerKey('stateSize'), { fallback: defaults.stateSize }),
    convKernel: mixer.integer(mixerKey('convKernel'), { fallback: 4 }),
    useBias: mixer.boolean(mixerKey('useBias'), false),
    useConvBias: mixer.boolean(mixerKey('useConvBias'), true),
    layerNormEpsilon: readEpsilon(reader),
    tieWordEmbeddings: model.boolean(modelKey('tieWordEmbeddings'), defaults.tieWordEmbeddings),
    initializerRange: original ? 0.02 : model.number('initializer_range', { fallback: layout === 'fla' ? 0.02 : 0.1, min: 0 }),
    rescalePrenormResidual: original || model.boolean('rescale_prenorm_residual', defaults.rescalePrenormResidual),
    ...readTimeSteps(reader),
  };
}

function readTimeSteps({ mixer, mixerKey }: LayoutReader): Pick<BackboneConfig, 'timeStepMin' | 'timeStepMax' | 'timeStepFloor'> {
  const timeStepMin = mixer.number(mixerKey('timeStepMin'), { fallback: 0.001, min: Number.MIN_VALUE });
  return {
    timeStepMin,
    timeStepMax: mixer.number(mixerKey('timeStepMax'), { fallback: 0.1, min: timeStepMin }),
    timeStepFloor: mixer.number(mixerKey('timeStepFloor'), { fallback: 1e-4, min: 0 }),
  };
}

/** The fields that {@link readBackbone} reads, for writeLayout: those of the model, and those of the mixer. */
export function backboneFields(c: BackboneConfig): { model: Record<string, unknown>; mixer: Record<string, unknown> } {
  const { vocabSize, unpaddedVocabSize, padVocabSizeMultiple, hiddenSize, numHiddenLayers, tieWordEmbeddings } = c;
  const { expand, stateSize, convKernel, useBias, useConvBias, timeStepMin, timeStepMax, timeStepFloor } = c;
  const model = { hiddenSize, numHiddenLayers, tieWordEmbeddings };
  const mixer = { expand, stateSize, convKernel, useBias, useConvBias, timeStepMin, timeStepMax, timeStepFloor };
  if (c.layout === 'mamba_ssm') {
    const vocab = { vocabSize: unpaddedVocabSize, pad_vocab_size_multiple: padVocabSizeMultiple };
    return { model: { ...model, ...vocab, rms_norm: true, d_intermediate: 0 }, mixer };
  }
  const initial = { initializer_range: c.initializerRange, rescale_prenorm_residual: c.rescalePrenormResidual };
  const epsilon = { [EPSILON_KEY[c.layout]]: c.layerNormEpsilon };
  return { model: { ...model, vocabSize, hidden_act: 'silu', ...epsilon, ...initial }, mixer };
}
