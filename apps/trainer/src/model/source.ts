import { stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import type { FileSet } from '@densessm/checkpoint';
import { type HubOptions, modelFolder, openPretrained } from '@densessm/runtime-node';
import { SsmError } from '@densessm/ssm-core/plain';
import type { Io } from '../io';
import { openProgress } from '../output/progress';
import { BEST, CHECKPOINT } from '../run-folder/names';

const HUB_ID = /^[\w.-]+\/[\w.-]+$/;

/** The files of a model, and what to call it. */
export interface ModelFiles {
  readonly files: FileSet;
  /** The path or id that was opened: for the folder of a run, that of its best model. */
  readonly name: string;
}

/**
 * Opens what a user calls a model: a folder, the folder of a training run, a Hub id, or a URL. Downloads show their progress.
 * @throws SsmError FILE where there is no such folder, OPTION for a source that is none
 */
export async function openModelFiles(io: Io, source: string, hub: HubOptions = {}): Promise<ModelFiles> {
  const asked = isAbsolute(source) ? source : resolve(io.cwd, source);
  const isUrl = /^[a-z][\w+.-]+:\/\//i.test(source);
  const folder = isUrl ? asked : await modelFolder(asked);
  if (!isUrl && (await isFolder(folder)))
    return { files: await openPretrained(folder), name: folder === asked ? source : join(source, relative(asked, folder)) };
  if (!isUrl && !HUB_ID.test(source)) throw noModel(source, asked);
  const files = await openPretrained(source, { ...hub, onProgress: downloadProgress(io) });
  await (await opened(files, asked))?.close();
  return { files, name: source };
}

/** What a model is called in short: `book` of the run out/book, also by its best weights out/book/best, `mamba-130m-hf` of its Hub id. */
export const shortName = (cwd: string, source: string): string =>
  resolve(cwd, source)
    .split(/[\\/]/)
    .findLast((part) => ![CHECKPOINT, BEST, ''].includes(part)) ?? 'model';

/** Asks for the config first of all, so that a mistake is told early, and tells somebody who meant a folder that there is none. */
const opened = (files: FileSet, path: string): ReturnType<FileSet['open']> =>
  files.open('config.json').catch((error: unknown) => {
    if (!(error instanceof SsmError)) throw error;
    const { code, expected, got, fix } = error;
    const hint = `${fix.replace('with { offline: true }', 'with --offline')}; if a folder is meant: there is none at ${path}`;
    throw new SsmError({ code, what: error.message.split('\n', 1)[0] ?? '', expected, got, fix: hint }, { cause: error });
  });

/** The bytes of a file of the set; null where there is none. */
export async function readBytes(files: FileSet, name: string): Promise<Uint8Array | null> {
  const file = await files.open(name);
  if (!file) return null;
  try {
    return await file.read(0, file.size);
  } finally {
    await file.close();
  }
}

/** A bar for each file as it comes. */
function downloadProgress(io: Io): HubOptions['onProgress'] {
  let current: { file: string; bar: ReturnType<typeof openProgress> } | undefined;
  return ({ file, loaded, total }) => {
    if (current?.file !== file) current = { file, bar: openProgress(io, { label: file, unit: 'bytes' }) };
    current.bar.update(loaded, total);
    if (loaded >= total) current.bar.end();
  };
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
const noModel = (source: string, path: string): SsmError =>
  new SsmError({
    code: 'FILE',
    what: `there is no model at ${JSON.stringify(source)}.`,
    expected: 'a folder with config.json and weights, the folder of a training run, a Hub id (owner/name) or a URL',
    got: `nothing at ${path}`,
    fix: 'check the path; densessm runs lists the runs that were trained here',
  });
