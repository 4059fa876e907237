import { type LoadedModel, loadPretrainedFiles, type PretrainedOptions } from '@densessm/checkpoint';
import { engine } from '@tensorflow/tfjs-core';
import type { HubOptions } from './hub/options';
import { openPretrained, type PretrainedSource } from './pretrained';
import { startBackend } from './start-backend';

export type LoadPretrainedOptions = PretrainedOptions & HubOptions;

/**
 * Loads a model in Hugging Face layout from a folder, from the Hub, from a URL or from files at hand. config.json says
 * which registered model it is; the weights are model.safetensors, its shards, or PyTorch's .bin files. What comes over
 * the network is kept in the cache, where an interrupted download goes on. The params lie on the current backend, and
 * where none was started yet, {@link startBackend} chooses one.
 * @throws SsmError FILE where a file is missing or broken, NETWORK where a server refuses or fails, MODEL where no
 * registered model answers, CONFIG and WEIGHTS where the content does not fit, OPTION for a source that is none, BACKEND
 * where none can be started.
 */
export async function loadPretrained(source: PretrainedSource, options: LoadPretrainedOptions = {}): Promise<LoadedModel> {
  const files = await openPretrained(source, options);
  if (engine().backendName === undefined) await startBackend();
  return loadPretrainedFiles(files, options);
}
