import type { FileSet, LoadedModel } from '@densessm/checkpoint';
import { type MambaConfig, type MambaParams, upcycleMamba } from '@densessm/mamba';
import { loadPretrained } from '@densessm/runtime-node';
import { countParams } from '@densessm/ssm-core';
import type { Tokenizer } from '@densessm/tokenizer';
import { usageError } from '../errors';
import type { Io } from '../io';
import { kebab, type SettingName, type Settings, wasGiven } from '../settings/table';
import { nameOf } from './command-model';
import { modelOf } from './config';
import { modelsOf } from './families';

/**
 * A fresh model from the seed.
 * @param requireRoom throws where so many parameters cannot be trained; called before there are any
 * @throws SsmError CONFIG, OPTION, FILE
 */
export async function freshModel(
  settings: Settings,
  tokenizer: Tokenizer,
  io: Pick<Io, 'cwd' | 'models'>,
  requireRoom: (parameters: number) => void,
): Promise<LoadedModel> {
  const { model, config } = await modelOf(settings, tokenizer.vocabSize, tokenizer.specialIds, io);
  requireRoom(countParams(model.spec(config)));
  return { model, config, params: model.init(config, settings.seed) };
}

/** What a model decides that was trained before. */
const DECIDED: readonly SettingName[] = ['hiddenSize', 'numHiddenLayers', 'numAttentionHeads', 'stateSize', 'configJson'];

/**
 * A model that was trained before, to train on. `--model dense-mamba` (or dense-mamba2) on a Mamba adds dense connections
 * that change nothing at first.
 * @throws SsmError OPTION for flags that the model decides, and as loadPretrained does
 */
export async function trainedModel(
  source: FileSet,
  settings: Settings,
  tokenizer: Tokenizer,
  io: Pick<Io, 'models'>,
): Promise<LoadedModel> {
  for (const name of DECIDED) {
    if (!wasGiven(settings, name)) continue;
    const got = `--${kebab(name)} ${JSON.stringify(settings[name])}`;
    throw usageError(`--${kebab(name)} has no meaning for a model that was trained before.`, `the model's own`, got, 'leave it out');
  }
  const loaded = withDenseLayers(await loadPretrained(source, { models: modelsOf(io) }), settings);
  const { vocabSize } = loaded.config as { vocabSize?: number };
  if (vocabSize === undefined || tokenizer.vocabSize <= vocabSize) return loaded;
  throw usageError(
    'The tokenizer has more tokens than the model.',
    `at most ${vocabSize}`,
    String(tokenizer.vocabSize),
    `leave --tokenizer out to take the model's own`,
  );
}

function withDenseLayers(loaded: LoadedModel, settings: Settings): LoadedModel {
  const { modelType } = loaded.model;
  const [has, wants] = [nameOf(loaded.model), wasGiven(settings, 'model') ? settings.model : undefined];
  if (wants === undefined || has === wants || (modelType === 'llama' && wants === 'dense-retnet')) return loaded;
  if (wants === `dense-${has}` && (modelType === 'mamba' || modelType === 'mamba2')) {
    const dense = { denseLayers: settings.denseLayers };
    return upcycleMamba(loaded.params as MambaParams, loaded.config as MambaConfig, dense, settings.seed);
  }
  throw usageError('--model does not fit the model that training starts from.', has, wants, 'leave --model out');
}
