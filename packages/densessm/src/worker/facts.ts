import type { LoadedModel } from '@densessm/checkpoint';
import { countParams, disposeTree, tensorsOf } from '@densessm/ssm-core';
import type { Tokenizer } from '@densessm/tokenizer';
import type { LanguageModel } from '../language-model';
import type { ModelFacts } from '../web/worker-model';

/** What a page is told of a model at once. */
export function factsOf(loaded: LanguageModel): ModelFacts {
  const { model, config, source, device, weights, samplingDefaults, eosIds } = loaded;
  const tokenizer = loaded.tokenizer as Tokenizer | undefined;
  const { numHiddenLayers: layers, hiddenSize, vocabSize, dense } = config as ConfigSizes;
  return {
    source,
    modelType: model.modelType,
    configJson: model.configToJson(config),
    device,
    weights,
    parameters: countParams(model.spec(config)),
    stateBytes: stateBytesOf(loaded),
    cacheBytesPerToken: 2 * layers * hiddenSize * Float32Array.BYTES_PER_ELEMENT,
    ...{ layers, hiddenSize, vocabSize },
    isDense: (dense?.denseLayers ?? 0) > 0 && dense?.gate !== 'none',
    hasTokenizer: tokenizer !== undefined,
    hasChatTemplate: tokenizer?.hasChatTemplate ?? false,
    samplingDefaults,
    eosIds,
  };
}

/** What every config of ours says. */
interface ConfigSizes {
  readonly numHiddenLayers: number;
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly dense?: { readonly denseLayers: number; readonly gate: string };
}

function stateBytesOf({ model, config }: Pick<LoadedModel, 'model' | 'config'>): number {
  const state: unknown = model.initialState(config, 1);
  const bytes = [...tensorsOf(state)].reduce((sum, [, { size }]) => sum + size * Float32Array.BYTES_PER_ELEMENT, 0);
  disposeTree(state);
  return bytes;
}
