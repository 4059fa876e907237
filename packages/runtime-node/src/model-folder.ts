import { access, type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ByteSource,
  configText,
  type LoadOptions,
  loadParams,
  openSafetensors,
  paramsSource,
  parseConfigText,
  safetensorsPieces,
} from '@densessm/checkpoint';
import { type AnyModel, modelFor, SsmError } from '@densessm/ssm-core';

/** A model with what belongs to it: everything that its functions take besides tokens. */
export interface LoadedModel {
  model: AnyModel;
  config: object;
  params: object;
}

type Pieces = Iterable<string> | AsyncIterable<Uint8Array>;

const CONFIG = 'config.json';
const WEIGHTS = 'model.safetensors';
/** Bytes per read: some systems refuse more than 2^31 − 1. */
const MAX_READ = 2 ** 30;

/**
 * Reads a model folder in Hugging Face layout: config.json says which registered model it is, model.safetensors holds
 * the weights, read one tensor at a time into the current backend.
 * @throws SsmError FILE where a file is missing or broken, MODEL where no registered model answers, CONFIG and WEIGHTS
 * where the content does not fit.
 */
export async function loadModel(folder: string, options: LoadOptions = {}): Promise<LoadedModel> {
  const json = await readConfig(folder);
  const model = modelFor(json);
  const config = model.parseConfig(json);
  const path = join(folder, WEIGHTS);
  const file = await openFile(path, await weightsMend(folder));
  try {
    const reader = await openSafetensors(await fileSource(file), path);
    const params = await loadParams(model.spec(config), reader, { where: path, ...options });
    return { model, config, params: params as object };
  } finally {
    await file.close();
  }
}

/**
 * Writes a model folder that {@link loadModel}, and Python, read. Each file is written under another name and then
 * renamed, so that what is there is whole at any moment; weights come before the config.
 * @throws SsmError WEIGHTS where the params do not belong to the config.
 */
export async function saveModel(folder: string, { model, config, params }: LoadedModel): Promise<void> {
  const weights = paramsSource(model.spec(config), params as never);
  const contents = new Map<string, Pieces>([
    [WEIGHTS, safetensorsPieces(weights)],
    [CONFIG, [configText(model.configToJson(config))]],
  ]);
  await mkdir(folder, { recursive: true });
  const suffix = `${crypto.randomUUID()}.tmp`;
  try {
    for (const [name, content] of contents) await writeWhole(join(folder, `${name}.${suffix}`), content);
    for (const name of contents.keys()) await rename(join(folder, `${name}.${suffix}`), join(folder, name));
  } finally {
    for (const name of contents.keys()) await rm(join(folder, `${name}.${suffix}`), { force: true });
  }
}

async function readConfig(folder: string): Promise<unknown> {
  const path = join(folder, CONFIG);
  const mend = (await exists(folder)) ? `put the model's ${CONFIG} there` : 'check the path: the folder does not exist';
  const file = await openFile(path, mend);
  try {
    return parseConfigText(await readFile(file, 'utf8'), path);
  } finally {
    await file.close();
  }
}

/** What to do where the weights are missing, by what lies there instead. */
async function weightsMend(folder: string): Promise<string> {
  if (await exists(join(folder, `${WEIGHTS}.index.json`))) return 'join the shards in one file: only that is read so far';
  if (await exists(join(folder, 'pytorch_model.bin'))) return 'convert pytorch_model.bin to safetensors: only that is read so far';
  return `put the model's ${WEIGHTS} there`;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** @throws SsmError FILE where the path cannot be opened or is no file. */
async function openFile(path: string, mend: string): Promise<FileHandle> {
  const bad = (got: string, cause?: unknown): SsmError =>
    new SsmError({ code: 'FILE', what: `loadModel: ${path} cannot be read.`, expected: 'a file', got, mend }, { cause });
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw bad(code === 'ENOENT' || code === 'ENOTDIR' ? 'nothing' : String(code), error);
  }
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw bad('something else, a folder perhaps');
}

async function fileSource(file: FileHandle): Promise<ByteSource> {
  const { size } = await file.stat();
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await file.read(bytes, filled, Math.min(MAX_READ, length - filled), offset + filled);
      if (bytesRead === 0) break; // cut short since its size was asked for
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  };
  return { size, read };
}

/** Writes a new file and waits until it is on the disk. */
async function writeWhole(path: string, content: Pieces): Promise<void> {
  const file = await open(path, 'wx');
  try {
    for await (const piece of content) await file.writeFile(piece); // goes on where the last piece ended
    await file.sync();
  } finally {
    await file.close();
  }
}
