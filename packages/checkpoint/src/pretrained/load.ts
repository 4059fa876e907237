import { type AnyModel, modelFor, SsmError } from '@densessm/ssm-core';
import { parseConfigText } from '../config-text';
import { type LoadOptions, loadParams } from '../load-params';
import { type Quantization, splitQuantization } from '../quantized/config';
import { quantizedSource } from '../quantized/read';
import { type FileSet, fileSetOf, type NamedBlob, pathIn, readText } from './file-set';
import { openWeights } from './weights';

/** A model with what belongs to it: everything that its functions take besides tokens. */
export interface LoadedModel {
  model: AnyModel;
  config: object;
  params: object;
}

export interface PretrainedOptions extends LoadOptions {
  /** Where to look for the model that the config belongs to; without it, among those of `registerModel`. */
  models?: readonly AnyModel[];
}

export const CONFIG_FILE = 'config.json';

/**
 * Loads a model from its files: config.json says which registered model it is, its spec which names and shapes the
 * weights have. The weights are read in parts into the current backend, quantized ones as the float32 numbers that they stand for.
 * @param source a set of files, or what a browser's file input gives
 * @throws SsmError FILE where a file is missing or broken, MODEL where no registered model answers, CONFIG and WEIGHTS
 * where the content does not fit.
 */
export async function loadPretrainedFiles(source: FileSet | Iterable<NamedBlob>, options: PretrainedOptions = {}): Promise<LoadedModel> {
  const files = 'open' in source ? source : fileSetOf(source);
  const { models, ...loading } = options;
  const { json, quantization } = await readConfigFile(files);
  const model = modelFor(json, models);
  const config = model.parseConfig(json);
  const spec = model.spec(config);
  const weights = await openWeights(files);
  try {
    const { where, source } = weights;
    const floats = quantization ? quantizedSource(where, source, spec, quantization) : source;
    const params = await loadParams(spec, floats, { where, ...loading });
    return { model, config, params: params as object };
  } finally {
    await weights.close();
  }
}

async function readConfigFile(files: FileSet): Promise<{ json: unknown; quantization?: Quantization }> {
  const path = pathIn(files, CONFIG_FILE);
  const text = await readText(files, CONFIG_FILE);
  if (text !== undefined) return splitQuantization(path, parseConfigText(text, path));
  const fix = `put the model's ${CONFIG_FILE} there`;
  throw new SsmError({ code: 'FILE', what: `${path} is missing.`, expected: 'a file', got: 'nothing', fix });
}
