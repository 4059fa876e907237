import { type HubOptions, loadPretrained, openPretrained, type PretrainedSource, startBackend } from '@densessm/runtime-node';
import type { AnyModel } from '@densessm/ssm-core';
import type { Tokenizer } from '@densessm/tokenizer';
import type { LanguageModel } from './language-model';
import { type LoadModelOptions, openLanguageModel, type TokenizerOf } from './load';
import type { KnownModel } from './models';

/** Options of {@link loadModel} in Node: those of every platform, and how the Hub is reached. */
export interface NodeLoadModelOptions<M extends AnyModel = KnownModel, T extends Tokenizer | null | undefined = undefined>
  extends LoadModelOptions<M, T>,
    HubOptions {}

/**
 * Loads a language model with its tokenizer: from the folder of a training run (its best model, else its last), a model's folder, a Hub id, a URL,
 * or files at hand. Starts a backend where none runs.
 * @throws SsmError BACKEND, FILE, NETWORK, MODEL, CONFIG, WEIGHTS, OPTION; TokenizerError for a tokenizer that is missing or damaged
 */
export async function loadModel<const M extends AnyModel = KnownModel, T extends Tokenizer | null | undefined = undefined>(
  source: PretrainedSource,
  options: NodeLoadModelOptions<M, T> = {},
): Promise<LanguageModel<M, TokenizerOf<T>>> {
  const { device, threads, weights: _, models: __, tokenizer: ___, ...hub } = options;
  const files = await openPretrained(source, hub);
  return openLanguageModel(files, options, {
    start: () => startBackend({ device: device as never, threads }),
    load: (loading) => loadPretrained(files, loading),
  });
}

export type { ChatCallOptions, ChatReply, GeneratedText, LanguageModel, TextOptions } from './language-model';
export type { ConfigOf, KnownModel, ParamsOf } from './models';
export { MODELS } from './models';
