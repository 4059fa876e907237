import { eosTokenIds, parseConfigText, readText, splitQuantization } from '@densessm/checkpoint';
import type { ModelBundle } from '@densessm/generate';
import { type Choice, type Device, type HubOptions, loadPretrained, startBackend } from '@densessm/runtime-node';
import { disposeTree, SsmError, type WeightType } from '@densessm/ssm-core';
import { loadTokenizer, type ReadFile, type Tokenizer } from '@densessm/tokenizer';
import { usageError } from '../errors';
import type { Io } from '../io';
import { modelsOf } from './families';
import { type ModelFiles, openModelFiles, readBytes } from './source';

export interface OpenModelOptions {
  readonly device?: Device;
  /** Another model or tokenizer folder, Hub id or tokenizer.json. */
  readonly tokenizer?: string;
  readonly revision?: string;
  readonly offline?: boolean;
  /** How matrices are kept in memory. */
  readonly weights?: WeightType;
}

/** A model in memory with its tokenizer, if it has one. */
export interface OpenModel extends ModelBundle {
  readonly tokenizer?: Tokenizer;
  readonly name: string;
  readonly files: ModelFiles['files'];
  readonly backend: Choice;
  /** How matrices are kept in memory. */
  readonly weights: WeightType;
  /** Tokens that end a text: of generation_config.json, else of config.json, else of the tokenizer. */
  readonly eosIds: readonly number[];
  /** Frees the weights. */
  dispose(): void;
}

/**
 * Starts the backend and loads a model from wherever it lies, to be read with and not trained: on wasm its matrices are packed.
 * @throws SsmError as {@link openModelFiles} and loading do
 */
export async function openModel(io: Io, source: string, options: OpenModelOptions = {}): Promise<OpenModel> {
  const { files, name } = await openModelFiles(io, source, hubOptions(options));
  const tokenizer =
    options.tokenizer === undefined ? await tokenizerOfModel(io, files) : await openTokenizer(io, options.tokenizer, options);
  const backend = await startBackend({ device: options.device });
  const weights = await packedType(files, backend, options.weights);
  const loaded = await loadPretrained(files, {
    models: modelsOf(io),
    weights,
    onWarning: (text) => io.stderr.write(`warning: ${text}\n`),
  });
  const eosIds = await eosOf(files, tokenizer);
  const dispose = (): void => disposeTree(loaded.params); // of those that there are: a lost device takes the first with it
  return { ...loaded, tokenizer, name, files, backend, weights: weights ?? 'f32', eosIds, dispose };
}

/**
 * In which type matrices are packed: as they lie in the files, or as asked for. Undefined where they are float32 tensors.
 * @throws SsmError OPTION for quantized weights where only tensors can be computed with
 */
async function packedType(files: ModelFiles['files'], backend: Choice, wanted: WeightType | undefined): Promise<WeightType | undefined> {
  if (backend.backend === 'cpu') {
    if (wanted === undefined || wanted === 'f32') return undefined;
    throw usageError(
      `weights cannot be kept as ${wanted} here.`,
      'wasm or webgpu, which pack weights',
      backend.backend,
      'add --device wasm, or leave --weights out',
    );
  }
  if (wanted !== undefined) return wanted;
  const where = `${files.where}/config.json`;
  const { quantization } = splitQuantization(where, parseConfigText((await readText(files, 'config.json')) ?? '{}', where));
  return quantization === undefined ? 'f32' : quantization.bits === 8 ? 'int8' : 'int4';
}

/**
 * The tokenizer of a model, folder, Hub id or tokenizer.json.
 * @throws SsmError FILE where there is none
 */
export async function openTokenizer(io: Io, source: string, options: OpenModelOptions = {}): Promise<Tokenizer> {
  const single = /^(?<folder>.*?)(?<file>[^/\\]+\.(json|model))$/.exec(source)?.groups;
  const { files } = await openModelFiles(io, single ? single.folder || '.' : source, hubOptions(options));
  if (single === undefined) return withWarnings(io, await loadTokenizer(files));
  const wanted = single.file as string;
  const standard = wanted.endsWith('.json') ? 'tokenizer.json' : 'tokenizer.model';
  const bytes = await readBytes(files, wanted);
  if (bytes === null) throw missing(source);
  // a model beside a tokenizer.json that nobody asked for must not be hidden by it
  const readFile: ReadFile = (name) => (name === standard ? bytes : name.startsWith('tokenizer.') ? null : readBytes(files, name));
  return withWarnings(io, await loadTokenizer(readFile));
}

/** Says what a user should know of a tokenizer's files. */
function withWarnings(io: Io, tokenizer: Tokenizer): Tokenizer {
  for (const warning of tokenizer.warnings) io.stderr.write(`warning: ${warning}\n`);
  return tokenizer;
}

export const hubOptions = ({ revision, offline }: OpenModelOptions): HubOptions => ({
  ...(revision === undefined ? {} : { revision }),
  ...(offline ? { offline } : {}),
});

async function tokenizerOfModel(io: Io, files: ModelFiles['files']): Promise<Tokenizer | undefined> {
  const bytes = { json: await readBytes(files, 'tokenizer.json'), model: await readBytes(files, 'tokenizer.model') };
  if (bytes.json === null && bytes.model === null) return undefined;
  return withWarnings(io, await loadTokenizer(files));
}

async function eosOf(files: ModelFiles['files'], tokenizer: Tokenizer | undefined): Promise<number[]> {
  const named = await eosTokenIds(files);
  const eos = tokenizer?.specialIds.eos;
  return named.length > 0 ? named : typeof eos === 'number' ? [eos] : [];
}

/** @throws SsmError FILE where the model came without a tokenizer */
export function requireTokenizer({ tokenizer, name }: Pick<OpenModel, 'tokenizer' | 'name'>): Tokenizer {
  if (tokenizer) return tokenizer;
  throw new SsmError({
    code: 'FILE',
    what: `the model ${name} has no tokenizer.`,
    expected: 'tokenizer.json or tokenizer.model beside its weights',
    got: 'neither',
    fix: 'name one with --tokenizer; state-spaces/mamba models use that of EleutherAI/gpt-neox-20b',
  });
}

const missing = (path: string): SsmError =>
  new SsmError({ code: 'FILE', what: `${path} is missing.`, expected: 'a file', got: 'nothing', fix: 'check the path' });
