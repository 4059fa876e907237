import * as nodeFiles from 'node:fs/promises';
import { join } from 'node:path';
import { SsmError } from '@densessm/ssm-core/plain';

/** What a run needs of a disk. Tests give one that is full. */
export type FileSystem = Pick<typeof nodeFiles, 'mkdir' | 'open' | 'rename' | 'rm' | 'rmdir' | 'readdir' | 'readFile'>;
export const realFiles: FileSystem = nodeFiles;

const REASONS: Readonly<Record<string, readonly [got: string, fix: string]>> = {
  ENOSPC: ['a full disk', 'free some space'],
  EDQUOT: ['a full quota', 'free some space'],
  EACCES: ['no permission to write there', 'choose another folder with --out-dir, or ask for permission'],
  EPERM: ['no permission to write there', 'choose another folder with --out-dir, or ask for permission'],
  EROFS: ['a file system that can only be read', 'choose another folder with --out-dir'],
  ENOENT: ['a folder that cannot be made', 'choose another folder with --out-dir'],
  ENOTDIR: ['a file where a folder is needed', 'choose another folder with --out-dir'],
  EEXIST: ['a file where a folder is needed', 'choose another folder with --out-dir'],
};

/** The error for something that could not be written; `also` is what the user should know besides. */
export function writeError(what: string, path: string, error: unknown, also = ''): SsmError {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const [got, fix] = REASONS[code] ?? [message, 'see the message of the system'];
  return new SsmError(
    { code: 'FILE', what, expected: `room and permission to write ${path}`, got, fix: `${fix}${also}` },
    { cause: error },
  );
}

/** Writes a new file and waits until it is on the disk. `observe` sees every piece. */
export async function writePieces(
  fs: FileSystem,
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  observe: (piece: Uint8Array) => void = () => undefined,
): Promise<void> {
  const file = await fs.open(path, 'wx');
  try {
    for await (const piece of pieces) {
      observe(piece);
      await file.writeFile(piece); // goes on where the last piece ended
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Whether an open file still is the one at its path. */
export async function isSameFile(file: nodeFiles.FileHandle, path: string): Promise<boolean> {
  const [opened, found] = await Promise.all([file.stat(), nodeFiles.stat(path).catch(() => undefined)]);
  return found !== undefined && found.ino === opened.ino;
}

/** Replaces a file as a whole: whoever reads it meets the old content or the new. */
export async function replaceFile(fs: FileSystem, folder: string, name: string, text: string): Promise<void> {
  const temporary = join(folder, `${name}.${crypto.randomUUID()}.tmp`);
  try {
    await writePieces(fs, temporary, [new TextEncoder().encode(text)]);
    await fs.rename(temporary, join(folder, name));
  } finally {
    await fs.rm(temporary, { force: true });
  }
}

/** What a file or folder is called until it is whole. */
const HALF = /^(checkpoint|best|log\.jsonl|report\.html|sweep\.json|run\.(json|[\da-f-]{36}\.lock))\.[\da-f-]{36}\.tmp$/;

/** Removes what processes that were killed have left half written in the folder of a run. Only the holder of its lock may. */
export async function sweep(folder: string, fs: FileSystem = realFiles): Promise<void> {
  const names = await fs.readdir(folder);
  for (const name of names) if (HALF.test(name)) await fs.rm(join(folder, name), { recursive: true, force: true });
}

/** The text of a file, undefined where there is none. */
export async function readTextIfThere(fs: FileSystem, path: string): Promise<string | undefined> {
  try {
    return await fs.readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
