import { denseMamba, denseMamba2, mamba, mamba2 } from '@densessm/mamba';
import { retnet } from '@densessm/retnet';
import type { AnyModel } from '@densessm/ssm-core';
import type { Tokenizer } from '@densessm/tokenizer';
import { configJson, type ModelSettings } from '@densessm/trainer/recipe';
import type { TrainingFamily, Twin } from '../../web/worker-training';
import type { TrainSettings } from './settings';

/** What `densessm train --model` calls it, and the model. A RetNet is dense by its config. */
const MODELS: Readonly<Record<TrainingFamily, Readonly<Record<Twin, readonly [name: Parameters<typeof configJson>[1], model: AnyModel]>>>> =
  {
    mamba: { plain: ['mamba', mamba], dense: ['dense-mamba', denseMamba] },
    mamba2: { plain: ['mamba2', mamba2], dense: ['dense-mamba2', denseMamba2] },
    retnet: { plain: ['retnet', retnet], dense: ['retnet', retnet] },
  };

/** Below this width the usual rank of the gates, hidden size // 32, would be none at all. */
const LEAST_WIDTH = 32;

/** A model of the run and its config, at the size of a vocabulary. @throws SsmError CONFIG */
export function modelOf(settings: TrainSettings, twin: Twin, { vocabSize, specialIds }: Tokenizer): { model: AnyModel; config: object } {
  const [name, model] = MODELS[settings.family][twin];
  const sizes: ModelSettings = { ...settings, stateSize: settings.stateSize, numAttentionHeads: undefined };
  const { bos, eos } = specialIds;
  const special = Object.fromEntries(Object.entries({ bos_token_id: bos, eos_token_id: eos }).filter(([, id]) => id !== null));
  const json = { ...configJson(sizes, name, vocabSize), ...special, ...extraKeys(settings, twin) };
  return { model, config: model.parseConfig(json) as object };
}

/** What the command's flags do not say. */
function extraKeys({ family, denseLayers, hiddenSize }: TrainSettings, twin: Twin): Record<string, unknown> {
  if (twin === 'plain') return {};
  const rank = hiddenSize < LEAST_WIDTH ? { dense_gate_rank: 1 } : {};
  return family === 'retnet' ? { dense_block_layers: denseLayers, ...rank } : rank;
}

/** The command that makes the same run of one model in Node. `data` is 'stories:1000000' or the name of a file. */
export function commandOf(settings: TrainSettings, twin: Twin, data: string): string {
  const [model] = MODELS[settings.family][twin];
  const extra = extraKeys(settings, twin);
  const flags: Record<string, string | number | undefined> = {
    data: quoted(data),
    model,
    'hidden-size': settings.hiddenSize,
    'num-hidden-layers': settings.numHiddenLayers,
    'state-size': settings.family === 'retnet' ? undefined : settings.stateSize,
    'dense-layers': model.startsWith('dense-') ? settings.denseLayers : undefined,
    'config-json': Object.keys(extra).length > 0 ? quoted(JSON.stringify(extra)) : undefined,
    tokenizer: settings.tokenizer,
    'vocab-size': settings.tokenizer === 'bpe' ? settings.vocabSize : undefined,
    'batch-size': settings.batchSize,
    'block-size': settings.blockSize,
    'learning-rate': settings.learningRate,
    'max-steps': settings.maxSteps,
    'eval-interval': settings.evalInterval,
    'eval-iters': settings.evalBatches,
    'sample-interval': settings.sampleInterval,
    seed: settings.seed,
  };
  const words = Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${value}`]));
  return ['densessm train', ...words].join(' ');
}

const quoted = (text: string): string => (/^[\w.:/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
