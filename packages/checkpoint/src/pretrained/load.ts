import { type AnyModel, modelFor, type ReloadableParams, type SpecTree, SsmError } from '@densessm/ssm-core';
import { parseConfigText } from '../config-text';
import { shorten } from '../json';
import { type LoadOptions, loadParams } from '../load-params';
import { type Quantization, splitQuantization } from '../quantized/config';
import { quantizedSource } from '../quantized/read';
import { type FileSet, fileSetOf, type NamedBlob, pathIn, readText } from './file-set';
import type { PartSource } from './shards';
import { requireLayers, requireUnneeded, withoutPrefix } from './stored-names';
import { type OpenWeights, openWeights } from './weights';

/** A model with what belongs to it: everything that its functions take besides tokens. */
export interface LoadedModel {
  model: AnyModel;
  config: object;
  params: object;
  /** Loads `params` again after the device on which they lie was lost: of what a runtime's loadPretrained returns. */
  reloadable?: ReloadableParams;
}

export interface PretrainedOptions extends LoadOptions {
  /** Where to look for the model that the config belongs to; without it, among those of `registerModel`. */
  models?: readonly AnyModel[];
  /**
   * Hears what is read with a doubt: a config that implementations read differently, keys that are not known, a prefix that all names
   * share, an index that names what no shard has. Unless given, `console.warn` does.
   */
  onWarning?: (message: string) => void;
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
  // biome-ignore lint/suspicious/noConsole: a doubt about what the numbers mean must not be silent
  const { models, onWarning = (message) => console.warn(message), ...loading } = options;
  const { json, quantization } = await readConfigFile(files);
  const model = modelFor(json, models);
  const config = model.parseConfig(json);
  for (const warning of model.warnings?.(config) ?? []) onWarning(`${pathIn(files, CONFIG_FILE)}: ${warning}`);
  const weights = await openWeights(files);
  try {
    const { where } = weights;
    requireLayers(where, config, weights.source.tensors);
    const spec = model.spec(config);
    const source = namedAsInModel(weights, spec, onWarning);
    const floats = quantization ? quantizedSource(where, source, spec, quantization) : source;
    const params = await loadParams(spec, floats, { where, ...loading });
    return { model, config, params: params as object };
  } finally {
    await weights.close();
  }
}

/** @throws SsmError FILE where a tensor of the model is in the index and in no shard */
function namedAsInModel({ where, source, absent }: OpenWeights, spec: SpecTree, onWarning: (message: string) => void): PartSource {
  const stripped = withoutPrefix(source, spec);
  const { prefix } = stripped;
  if (prefix) onWarning(`${where}: all names begin with "${prefix}", which was left out.`);
  requireUnneeded(
    where,
    absent.map((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name)),
    stripped.source.tensors,
    spec,
  );
  const [first = ''] = absent;
  const others = absent.length > 1 ? ` and ${absent.length - 1} more` : '';
  if (first)
    onWarning(`${where}: the index names ${shorten(JSON.stringify(first))}${others}, which no shard has and the model does not need.`);
  return stripped.source;
}

/**
 * The content of a model's config.json, and apart from it how the weights are quantized.
 * @throws SsmError FILE where there is none or it is not JSON, CONFIG for a quantization that this package does not know
 */
export async function readConfigFile(files: FileSet): Promise<{ json: unknown; quantization?: Quantization }> {
  const path = pathIn(files, CONFIG_FILE);
  const text = await readText(files, CONFIG_FILE);
  if (text !== undefined) return splitQuantization(path, parseConfigText(text, path));
  const fix = `put the model's ${CONFIG_FILE} there`;
  throw new SsmError({ code: 'FILE', what: `${path} is missing.`, expected: 'a file', got: 'nothing', fix });
}
