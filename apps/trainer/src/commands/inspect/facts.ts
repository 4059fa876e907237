import {
  type FileSet,
  type OpenWeights,
  openWeights,
  parseConfigText,
  type Quantization,
  quantizedSource,
  readText,
  splitQuantization,
} from '@densessm/checkpoint';
import { requireLayers, withoutPrefix } from '@densessm/checkpoint/internal';
import { startBackend } from '@densessm/runtime-node';
import { type AnyModel, countParams, disposeTree, modelFor, type SpecTree, SsmError, tensorsOf } from '@densessm/ssm-core';
import { loadTokenizer } from '@densessm/tokenizer';
import { readBytes } from '../../model/source';
import { compareNames, type ModuleRow, moduleRows, type StoredNames } from './parameters';

/** What is stored of the weights. */
export interface WeightFacts extends StoredNames {
  readonly where: string;
  readonly tensors: number;
  readonly bytes: number;
  /** Values by element type, such as F32. */
  readonly dtypes: Readonly<Record<string, number>>;
  /** Of the matrices; undefined where all are floats. */
  readonly quantization: Quantization | undefined;
}

export interface TokenizerFacts {
  readonly vocabSize: number;
  readonly bos: string | null;
  readonly eos: string | null;
  readonly hasChatTemplate: boolean;
}

/** What a model's files say, without loading its weights. */
export interface ModelFacts {
  readonly name: string;
  readonly modelType: string;
  /** As it would be written to config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly layers: number | undefined;
  readonly parameters: number;
  readonly modules: readonly ModuleRow[];
  /** What one text keeps while it is read or written, however long it is. */
  readonly stateBytesPerSequence: number;
  /** Of the weights in memory, which are float32. */
  readonly weightBytesInMemory: number;
  /** Undefined where the folder has none. */
  readonly weights: WeightFacts | undefined;
  readonly tokenizer: TokenizerFacts | undefined;
}

/**
 * Reads config.json, the headers of the weights and the tokenizer of a model.
 * @throws SsmError FILE where config.json is missing or something is broken, MODEL where no model answers, CONFIG
 */
export async function modelFacts({ files, name }: { files: FileSet; name: string }, models: readonly AnyModel[]): Promise<ModelFacts> {
  const text = await readText(files, 'config.json');
  if (text === undefined) {
    const problem = { what: `${files.where} holds no model.`, expected: 'config.json in it', got: 'none' };
    throw new SsmError({ code: 'FILE', ...problem, fix: 'name the folder of a model, or of a training run' });
  }
  const where = `${files.where}/config.json`;
  const { json, quantization } = splitQuantization(where, parseConfigText(text, where));
  const model = modelFor(json, models);
  const config = model.parseConfig(json);
  const opened = await openedWeights(files);
  try {
    if (opened) requireLayers(opened.where, config, opened.source.tensors);
    const spec = model.spec(config);
    const weights = opened && weightFacts(opened, spec, quantization);
    return await factsOf({ files, name }, { model, config, spec, weights });
  } finally {
    await opened?.close();
  }
}

interface Opened {
  readonly model: AnyModel;
  readonly config: object;
  readonly spec: SpecTree;
  readonly weights: WeightFacts | undefined;
}

async function factsOf({ files, name }: { files: FileSet; name: string }, { model, config, spec, weights }: Opened): Promise<ModelFacts> {
  const parameters = countParams(spec);
  return {
    name,
    modelType: model.modelType,
    config: model.configToJson(config),
    layers: (config as { numHiddenLayers?: number }).numHiddenLayers,
    parameters,
    modules: moduleRows(spec),
    stateBytesPerSequence: await stateBytes(() => model.initialState(config, 1)),
    weightBytesInMemory: 4 * parameters,
    weights,
    tokenizer: await tokenizerFacts(files),
  };
}

/** Bytes of the tensors of a state. */
async function stateBytes(make: () => unknown): Promise<number> {
  await startBackend({ device: 'cpu' });
  const state = make();
  let bytes = 0;
  for (const [, { size }] of tensorsOf(state)) bytes += 4 * size;
  disposeTree(state);
  return bytes;
}

/** A config alone is worth a look, too. */
const openedWeights = (files: FileSet): Promise<OpenWeights | undefined> =>
  openWeights(files).catch((error: unknown) => {
    if (error instanceof SsmError && error.got === 'nothing') return undefined;
    throw error;
  });

function weightFacts({ where, source }: OpenWeights, spec: SpecTree, quantization: Quantization | undefined): WeightFacts {
  const dtypes: Record<string, number> = {};
  let bytes = 0;
  for (const { dtype, shape } of source.tensors.values()) {
    const values = shape.reduce((product, length) => product * length, 1);
    dtypes[dtype] = (dtypes[dtype] ?? 0) + values;
    bytes += (values * bitsOf(dtype)) / 8;
  }
  const named = withoutPrefix(source, spec).source;
  const weights = quantization ? quantizedSource(where, named, spec, quantization) : named;
  return { where, tensors: source.tensors.size, bytes, dtypes, quantization, ...compareNames(spec, weights.tensors.keys()) };
}

/** F8_E4M3 → 8, BF16 → 16, BOOL → 8. */
const bitsOf = (dtype: string): number => Number(/\d+/.exec(dtype)?.[0] ?? 8);

async function tokenizerFacts(files: FileSet): Promise<TokenizerFacts | undefined> {
  const found = (await readBytes(files, 'tokenizer.json')) ?? (await readBytes(files, 'tokenizer.model'));
  if (found === null) return undefined;
  const tokenizer = await loadTokenizer(files);
  const { bos, eos } = tokenizer.specialIds;
  const nameOf = (id: number | null): string | null => (id === null ? null : tokenizer.idToToken(id));
  return { vocabSize: tokenizer.vocabSize, bos: nameOf(bos), eos: nameOf(eos), hasChatTemplate: tokenizer.hasChatTemplate };
}
