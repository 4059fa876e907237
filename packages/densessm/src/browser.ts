import {
  type DownloadOptions,
  loadPretrained,
  openPretrained,
  type PretrainedSource,
  startBackend,
  type WebStartOptions,
} from '@densessm/runtime-web';
import type { AnyModel } from '@densessm/ssm-core';
import type { Tokenizer } from '@densessm/tokenizer';
import type { LanguageModel } from './language-model';
import { type LoadModelOptions, openLanguageModel, type TokenizerOf } from './load';
import type { KnownModel } from './models';

/** Options of {@link loadModel} in a page: those of every platform, how files are fetched, and where tfjs's WebAssembly lies. */
export interface WebLoadModelOptions<M extends AnyModel = KnownModel, T extends Tokenizer | null | undefined = undefined>
  extends LoadModelOptions<M, T>,
    DownloadOptions,
    Pick<WebStartOptions, 'wasmUrl'> {}

/**
 * Loads a language model with its tokenizer: from a URL (also one relative to the page), a Hub id, or files that a visitor chose or dropped.
 * Starts a backend where none runs.
 * @throws SsmError BACKEND, FILE, NETWORK, MODEL, CONFIG, WEIGHTS, OPTION; TokenizerError for a tokenizer that is missing or damaged
 */
export async function loadModel<const M extends AnyModel = KnownModel, T extends Tokenizer | null | undefined = undefined>(
  source: PretrainedSource,
  options: WebLoadModelOptions<M, T> = {},
): Promise<LanguageModel<M, TokenizerOf<T>>> {
  const { device, threads, wasmUrl, weights: _, models: __, tokenizer: ___, ...download } = options;
  const files = await openPretrained(source, download);
  return openLanguageModel(files, options, {
    start: () => startBackend({ device: device as never, threads, wasmUrl }),
    load: (loading) => loadPretrained(files, loading),
  });
}

export type { ChatCallOptions, ChatReply, GeneratedText, LanguageModel, TextOptions } from './language-model';
export type { ConfigOf, KnownModel, ParamsOf } from './models';
export { MODELS } from './models';
