import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { dataError, unreadable } from '../errors';
import { DATA_NAMES, type DataFile, formatOf, looksLikeData } from './data-file';

/** The files of a path: itself, or all in a folder that look like data, by name. @throws SsmError FILE */
export async function localFiles(path: string, name: string): Promise<DataFile[]> {
  const found = await stat(path).catch((cause: unknown) => {
    throw unreadable(name, cause);
  });
  if (found.isDirectory()) return folderFiles(path, name);
  return [await dataFile(path, name)];
}

/** @throws SsmError FILE where it is empty, no file or not there */
export async function dataFile(path: string, name: string, as: string = path): Promise<DataFile> {
  const found = await stat(path).catch((cause: unknown) => {
    throw unreadable(name, cause);
  });
  if (!found.isFile()) throw dataError(`${name} is no file.`, 'a file or a folder', 'something else', 'name a file; for a pipe, use -');
  if (found.size === 0) throw dataError(`${name} is empty.`, 'text', '0 bytes', 'check that it was written to the end');
  return { name, path, ...formatOf(as), sizeBytes: found.size, stamp: String(found.mtimeMs) };
}

async function folderFiles(folder: string, name: string): Promise<DataFile[]> {
  const paths = await pathsIn(folder);
  const files: DataFile[] = [];
  for (const path of paths.filter(looksLikeData)) {
    const { size } = await stat(join(folder, path));
    if (size > 0) files.push(await dataFile(join(folder, path), join(name, path)));
  }
  if (files.length > 0) return files;
  const others = paths.slice(0, 4).join(', ') + (paths.length > 4 ? ', …' : '');
  const got = paths.length === 0 ? 'no files' : `${paths.length} others: ${others}`;
  throw dataError(`${name} is a folder without text.`, DATA_NAMES, got, 'name the files themselves, or another folder');
}

/** Files below a folder, relative to it, sorted by their names' code units; hidden ones and linked folders are left out. */
async function pathsIn(folder: string, below = ''): Promise<string[]> {
  const paths: string[] = [];
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.')) continue;
    const path = join(below, entry.name);
    const isLinkedFile = entry.isSymbolicLink() && (await stat(join(folder, path)).catch(() => undefined))?.isFile();
    if (entry.isDirectory()) paths.push(...(await pathsIn(folder, path)));
    else if (entry.isFile() || isLinkedFile) paths.push(path);
  }
  return paths;
}
