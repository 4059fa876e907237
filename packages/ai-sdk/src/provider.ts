import { type LanguageModelV3, NoSuchModelError, type ProviderV3 } from '@ai-sdk/provider';
import { SharedModel } from '@densessm/generate';
import { DenseSSMLanguageModel, type DenseSSMModel } from './language-model';

/** Settings of {@link createDenseSSM}. */
export interface DenseSSMSettings {
  /** What answers, as `loadModel` of the package `densessm` returns it. It stays the caller's to dispose of. */
  model: DenseSSMModel;
  /** Its id in results and telemetry. Default: where it was loaded from. */
  modelId?: string;
}

/** A provider of one model. Called without an id, or with its own, it gives the model. */
export interface DenseSSMProvider extends ProviderV3 {
  (modelId?: string): LanguageModelV3;
  languageModel(modelId?: string): LanguageModelV3;
  /** Waits for the answers that were begun and frees the states that were kept. Call it before the model is disposed of. */
  close(): Promise<void>;
}

/** A provider of the AI SDK for a model in this process. */
export function createDenseSSM({ model, modelId = model.source ?? 'densessm' }: DenseSSMSettings): DenseSSMProvider {
  const languageModel = (id: string = modelId): LanguageModelV3 => {
    if (id !== modelId) throw new NoSuchModelError({ modelId: id, modelType: 'languageModel' });
    return new DenseSSMLanguageModel(model, modelId);
  };
  const none = (modelType: 'embeddingModel' | 'imageModel') => (id: string) => {
    throw new NoSuchModelError({ modelId: id, modelType });
  };
  return Object.assign((id?: string) => languageModel(id), {
    specificationVersion: 'v3' as const,
    languageModel,
    embeddingModel: none('embeddingModel'),
    imageModel: none('imageModel'),
    close: () => SharedModel.of(model).close(),
  });
}
