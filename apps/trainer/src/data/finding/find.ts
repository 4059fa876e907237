import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { HubOptions } from '@densessm/runtime-node';
import { SsmError } from '@densessm/ssm-core/plain';
import type { DataProgress } from '../options';
import type { DataFile } from './data-file';
import { localFiles } from './local';
import { hubFiles, isUrl, urlFiles } from './remote';
import { stdinFile, storyFile } from './spooled';

export interface Surroundings {
  readonly cacheDir: string;
  readonly cwd: string;
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly hub: HubOptions;
  readonly signal?: AbortSignal;
  readonly onProgress: (progress: DataProgress) => void;
}

/** The corpus that is made on the spot, unless a file or folder has this name: `stories`, or `stories:1000000` for so many characters. */
export const STORIES = /^stories(?::(\d+))?$/;

/**
 * The files that some sources stand for, in the order of the sources. What is far away is fetched.
 * @throws SsmError FILE, OPTION where there are no sources, NETWORK
 */
export async function findData(sources: readonly string[], around: Surroundings, part: 'train' | 'heldOut'): Promise<DataFile[]> {
  if (sources.length === 0)
    throw new SsmError({
      code: 'OPTION',
      what: 'there is no data.',
      expected: 'a file, a folder, a URL or a data set',
      got: 'nothing',
      fix: 'name one',
    });
  const files: DataFile[] = [];
  for (const source of sources) {
    around.signal?.throwIfAborted();
    around.onProgress({ stage: 'finding', file: source, done: files.length });
    files.push(...(await filesOf(source, around, part)));
  }
  return files;
}

async function filesOf(source: string, around: Surroundings, part: 'train' | 'heldOut'): Promise<DataFile[]> {
  const { cacheDir, cwd, stdin, signal, onProgress } = around;
  const hub: HubOptions = {
    ...around.hub,
    signal,
    onProgress: ({ file, loaded, total }) => onProgress({ stage: 'downloading', file, done: loaded, total }),
  };
  if (source === '-') return [await stdinFile(stdin, cacheDir, signal)];
  if (isUrl(source)) return urlFiles(source, hub);
  const path = resolve(cwd, source);
  const isHere = await stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
  );
  if (isHere) return localFiles(path, source);
  const [isStories, characters] = STORIES.exec(source) ?? [];
  if (!isStories) return hubFiles(source, hub);
  return [await storyFile({ part, ...(characters && { characters: Number(characters) }) }, cacheDir, signal)];
}
