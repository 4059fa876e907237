import { type LoadedModel, loadPretrainedFiles, type PretrainedOptions } from '@densessm/checkpoint';
import { loadReloadable } from '@densessm/checkpoint/internal';
import { packer } from '@densessm/kernels/runtime';
import type { WeightType } from '@densessm/ssm-core';
import { engine } from '@tensorflow/tfjs-core';
import type { HubOptions } from './hub/options';
import { openPretrained, type PretrainedSource } from './pretrained';
import { type BackendName, startBackend } from './start-backend';

export interface LoadPretrainedOptions extends Omit<PretrainedOptions, 'pack'>, HubOptions {
  /**
   * Packs the matrices in this type as they are read, so that no more memory is needed than they take: for generation, which a model of packed
   * weights does on the wasm and WebGPU backends. Unless given they are float32 tensors, which can be trained.
   */
  weights?: WeightType;
}

/**
 * Loads a model in Hugging Face layout from a folder, from the Hub, from a URL or from files at hand. config.json says
 * which registered model it is; the weights are model.safetensors, its shards, or PyTorch's .bin files. What comes over
 * the network is kept in the cache, where an interrupted download goes on. The params lie on the current backend, and
 * where none was started yet, {@link startBackend} chooses one, or for packed weights starts wasm.
 * @throws SsmError FILE where a file is missing or broken, NETWORK where a server refuses or fails, MODEL where no
 * registered model answers, CONFIG and WEIGHTS where the content does not fit, OPTION for a source that is none, BACKEND
 * where none can be started.
 */
export async function loadPretrained(source: PretrainedSource, options: LoadPretrainedOptions = {}): Promise<LoadedModel> {
  const { weights, ...loading } = options;
  const files = await openPretrained(source, loading);
  if (engine().backendName === undefined) await startBackend({ device: weights ? 'wasm' : 'auto' });
  const device = engine().backendName as BackendName;
  return loadReloadable({
    load: () => loadPretrainedFiles(files, { ...loading, pack: weights && packer(weights) }),
    restart: async () => (await startBackend({ device })).reason,
    // biome-ignore lint/suspicious/noConsole: as other warnings of a model
    onWarning: loading.onWarning ?? ((message) => console.warn(message)),
  });
}
