import { constants } from 'node:fs';
import { access, type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileSet, type LoadedModel, type OpenFile, pretrainedFiles, type SavePretrainedOptions } from '@densessm/checkpoint';
import { SsmError } from '@densessm/ssm-core';

/** Bytes per read: some systems refuse more than 2^31 − 1. */
const MAX_READ = 2 ** 30;
/** Opening a named pipe would otherwise wait for someone who writes. Windows has no such flag. */
const NON_BLOCKING = constants.O_NONBLOCK ?? 0;
/** Weights that one save makes and another may not: left behind, they would be read in place of the new ones. */
const OLD_WEIGHTS = /^model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?$/;

/** The files of a folder. */
export function folderFiles(folder: string): FileSet {
  return { where: folder, open: (name) => openFile(folder, join(folder, name)) };
}

/**
 * Writes a model's folder in Hugging Face layout, which {@link loadPretrained} and Python read: config.json and
 * model.safetensors, or shards with an index. Each file is written under another name and then renamed, so that what is
 * there is whole at any moment; weights come before the config. Weights of an earlier save that this one replaces are removed.
 * @throws SsmError WEIGHTS where the params do not belong to the config or do not fit the dtype, OPTION for a bad option.
 */
export async function savePretrained(folder: string, model: LoadedModel, options: SavePretrainedOptions = {}): Promise<void> {
  const files = pretrainedFiles(model, options);
  await mkdir(folder, { recursive: true });
  const names = files.map(({ name }) => name);
  const suffix = `${crypto.randomUUID()}.tmp`;
  try {
    for (const { name, pieces } of files) await writeWhole(join(folder, `${name}.${suffix}`), pieces);
    for (const name of names) await rename(join(folder, `${name}.${suffix}`), join(folder, name));
  } finally {
    for (const name of names) await rm(join(folder, `${name}.${suffix}`), { force: true });
  }
  const old = (await readdir(folder)).filter((name) => OLD_WEIGHTS.test(name) && !names.includes(name));
  for (const name of old) await rm(join(folder, name));
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** @throws SsmError FILE where the folder is not there or the path cannot be opened or is no file */
async function openFile(folder: string, path: string): Promise<OpenFile | undefined> {
  const bad = (got: string, fix: string, cause?: unknown): SsmError =>
    new SsmError({ code: 'FILE', what: `${path} cannot be read.`, expected: 'a file', got, fix }, { cause });
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | NON_BLOCKING);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw bad(String(code), 'check who may read it', error);
    if (await exists(folder)) return undefined;
    throw bad('nothing', 'check the path: the folder does not exist', error);
  }
  const found = await file.stat();
  if (found.isFile()) return { size: found.size, read: (offset, length) => readUpTo(file, offset, length), close: () => file.close() };
  await file.close();
  const kind = found.isDirectory() ? 'a folder' : found.isFIFO() ? 'a named pipe' : 'something else, a device perhaps';
  throw bad(kind, 'put a file there');
}

async function readUpTo(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, Math.min(MAX_READ, length - filled), offset + filled);
    if (bytesRead === 0) break; // cut short since its size was asked for
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/** Writes a new file and waits until it is on the disk. */
async function writeWhole(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx');
  try {
    for await (const piece of pieces) await file.writeFile(piece); // goes on where the last piece ended
    await file.sync();
  } finally {
    await file.close();
  }
}
