import { access, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { SsmError } from '@densessm/ssm-core/plain';
import { usageError } from '../errors';

/** A path of the command line as an absolute one. */
export const pathFrom = (cwd: string, path: string): string => (isAbsolute(path) ? path : resolve(cwd, path));

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** @throws SsmError OPTION where something is there and may not be replaced; ask before long work, not after it */
export async function refuseOverwrite(path: string, overwrite: boolean | undefined): Promise<void> {
  if (overwrite || !(await exists(path))) return;
  throw usageError(`${path} exists.`, 'a name that is free', 'a file', 'choose another name, or add --overwrite to replace it');
}

/** The same for a folder, which may be there if it is empty. */
export async function refuseFullFolder(path: string, overwrite: boolean | undefined): Promise<void> {
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    if (error.code === 'ENOTDIR') throw usageError(`${path} is a file.`, 'a folder', 'a file', 'choose another name');
    throw error;
  });
  if (overwrite || names.length === 0) return;
  const got = `${names.length} files, ${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}`;
  throw usageError(`${path} is not empty.`, 'a folder that is new or empty', got, 'choose another one, or add --overwrite');
}

/**
 * Writes a file under another name and renames it when it is whole and on the disk, so that what has the name is never half a file.
 * @throws SsmError FILE where that is impossible, a full disk or a read-only folder
 */
export async function writeFileWhole(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    const problem = { what: `${path} cannot be written.`, expected: 'a folder with room that may be written to', got };
    throw new SsmError({ code: 'FILE', ...problem, fix: 'choose another place; nothing that was there has changed' }, { cause });
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}
