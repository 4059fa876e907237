import { type FileSet, type Quantization, readConfigFile, readSamplingDefaults } from '@densessm/checkpoint';
import { type AnyModel, type ReloadableParams, SsmError, type WeightType } from '@densessm/ssm-core';
import { loadTokenizer, type Tokenizer } from '@densessm/tokenizer';
import { type LanguageModel, LoadedLanguageModel } from './language-model';
import { type ConfigOf, type KnownModel, MODELS, type ParamsOf } from './models';

/** Options of `loadModel` on every platform. */
export interface LoadModelOptions<M extends AnyModel = KnownModel, T extends Tokenizer | null | undefined = Tokenizer | null | undefined> {
  /** 'auto', which says what it chose, or a named device, which must work. Default 'auto'. */
  device?: string;
  /** Threads of the wasm backend. Default: as many as there are cores, at most 16. */
  threads?: number;
  /** How matrices are kept in memory: 32, 16, 8.5 or 4.5 bits a weight. Default: as they lie in the files, quantized or float32. */
  weights?: WeightType;
  /** Which models may be opened; config.json chooses. Default: all of this project. Naming them makes bundles smaller and types exact. */
  models?: readonly M[];
  /** A tokenizer in place of the model's own; null loads the model without one, to work with token ids. */
  tokenizer?: T;
}

/** What differs between Node and a page. */
export interface LoaderPlatform {
  /** Starts a backend; the name and a line about it. */
  start(): Promise<{ readonly backend: string; readonly reason: string }>;
  load(options: {
    models: readonly AnyModel[];
    weights?: WeightType;
  }): Promise<{ model: AnyModel; config: object; params: object; eosIds?: readonly number[]; reloadable?: ReloadableParams }>;
}

/**
 * Opens a model's files as a {@link LanguageModel}.
 * @throws SsmError BACKEND, FILE, MODEL, CONFIG, WEIGHTS; OPTION for packed weights where the device has none; TokenizerError for a tokenizer that is damaged
 */
export async function openLanguageModel<M extends AnyModel, T extends Tokenizer | null | undefined>(
  files: FileSet,
  options: LoadModelOptions<M, T>,
  platform: LoaderPlatform,
): Promise<LanguageModel<M, TokenizerOf<T>>> {
  const { quantization } = await readConfigFile(files);
  const tokenizer = options.tokenizer === undefined ? await loadTokenizer(files) : (options.tokenizer ?? undefined);
  const samplingDefaults = await readSamplingDefaults(files);
  const { backend, reason } = await platform.start();
  const weights = packedType(quantization, backend, options.weights);
  const { model, config, params, eosIds = [], reloadable } = await platform.load({ models: options.models ?? MODELS, weights });
  return new LoadedLanguageModel({
    source: files.where,
    model: model as M,
    config: config as ConfigOf<M>,
    params: params as ParamsOf<M>,
    tokenizer: tokenizer as TokenizerOf<T>,
    device: reason,
    weights: weights ?? 'f32',
    samplingDefaults,
    eosIds,
    reloadable,
  });
}

/** The tokenizer that a model has: its own unless null was given. */
export type TokenizerOf<T extends Tokenizer | null | undefined> = T extends null ? undefined : Tokenizer;

/**
 * In which type matrices are packed: as asked for, else as they lie in the files. Undefined where they are float32 tensors.
 * @throws SsmError OPTION
 */
function packedType(stored: Quantization | undefined, backend: string, wanted: WeightType | undefined): WeightType | undefined {
  if (backend === 'cpu') {
    if (wanted === undefined || wanted === 'f32') return undefined;
    throw new SsmError({
      code: 'OPTION',
      what: `loadModel: weights cannot be kept as ${wanted} here.`,
      expected: 'a device that packs weights: wasm or webgpu',
      got: backend,
      fix: "leave `weights` out, or ask for device: 'wasm'",
    });
  }
  if (wanted !== undefined) return wanted;
  return stored === undefined ? 'f32' : stored.bits === 8 ? 'int8' : 'int4';
}
