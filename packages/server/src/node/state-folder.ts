import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StateFolder } from '../states/state-store';

export interface StateFolderOptions {
  /** Bytes of all files; the least recently used are removed. Default 4 GiB. */
  maxBytes?: number;
}

const ENDING = '.state';
const KEY = /^[a-z]+-[0-9a-f]{64}$/;

/** Keeps states as files of a folder that only this user may read. A file is whole or absent. */
export function stateFolder(path: string, { maxBytes = 4 * 2 ** 30 }: StateFolderOptions = {}): StateFolder {
  const fileOf = (key: string): string => {
    if (!KEY.test(key)) throw new Error(`${key} is no key of a state`);
    return join(path, key + ENDING);
  };
  let writes = 0;
  return {
    read: async (key) => {
      const file = fileOf(key);
      const bytes = await readFile(file).catch(ifMissing);
      if (bytes) await utimes(file, new Date(), new Date()).catch(() => undefined);
      return bytes && new Uint8Array(bytes);
    },
    write: async (key, bytes) => {
      const file = fileOf(key);
      await mkdir(path, { recursive: true, mode: 0o700 });
      const part = `${file}.${process.pid}.${writes++}.part`;
      try {
        await writeFile(part, bytes, { mode: 0o600 });
        await rename(part, file);
      } finally {
        await rm(part, { force: true });
      }
      await trim(path, maxBytes, file);
    },
    remove: (key) => rm(fileOf(key), { force: true }),
  };
}

const ifMissing = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== 'ENOENT') throw error;
};

/** Removes the least recently used files, but the newest. */
async function trim(path: string, maxBytes: number, newest: string): Promise<void> {
  const files = (await readdir(path)).filter((name) => name.endsWith(ENDING)).map((name) => join(path, name));
  const found = await Promise.all(files.map(async (file) => ({ file, about: await stat(file).catch(ifMissing) })));
  const known = found.flatMap(({ file, about }) => (about ? [{ file, size: about.size, usedAt: about.mtimeMs }] : []));
  let total = known.reduce((sum, { size }) => sum + size, 0);
  for (const { file, size } of known.sort((a, b) => a.usedAt - b.usedAt)) {
    if (total <= maxBytes) return;
    if (file === newest) continue;
    await rm(file, { force: true });
    total -= size;
  }
}
