import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { type FileSet, fileSetOf, type NamedBlob, type OpenFile } from '@densessm/checkpoint';
import { isHubId, modelAddress, withProgress } from '@densessm/checkpoint/internal';
import { SsmError } from '@densessm/ssm-core';
import { type CachedFile, findFile } from './hub/cache';
import { type HubOptions, type HubSettings, hubSettings } from './hub/options';
import { hubRemote, type Remote, urlRemote } from './hub/remote';
import { folderFiles } from './model-folder';
import { modelFolder } from './run-folder';

/** A folder, that of a training run too, a Hub id (`state-spaces/mamba-130m-hf`), a URL, or files that are already at hand. */
export type PretrainedSource = string | URL | FileSet | Iterable<NamedBlob>;

/** A file of the model itself or of a folder in it, not a path that leads out of it. */
const PLAIN_NAME = /^([\w-][\w.-]*\/)?[\w-][\w.-]*$/;

/**
 * The files of a model wherever it lies, to read others than the model: `readText(files, 'tokenizer.json')`.
 * @throws SsmError OPTION for a source that is none
 */
export async function openPretrained(source: PretrainedSource, options: HubOptions = {}): Promise<FileSet> {
  const atHand = (files: FileSet): FileSet => withProgress(files, options.onProgress);
  if (typeof source !== 'string' && !(source instanceof URL)) return atHand('open' in source ? source : fileSetOf(source));
  if (source instanceof URL || /^[A-Za-z][\w+.-]+:\/\//.test(source)) return openRemote(source, hubSettings(options));
  const folder = await modelFolder(source);
  return !isHubId(source) || (await isFolder(folder)) ? atHand(folderFiles(folder)) : openRemote(source, hubSettings(options));
}

/** The files behind a URL or a Hub id. */
export async function openRemote(source: string | URL, settings: HubSettings): Promise<FileSet> {
  const at = modelAddress(source, settings);
  return remoteFiles(at instanceof URL ? urlRemote(at, settings) : hubRemote(at.id, { ...settings, ...at }), settings);
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

function remoteFiles(remote: Remote, settings: HubSettings): FileSet {
  const where = settings.offline ? `${remote.where} (in the cache ${settings.cacheDir})` : remote.where;
  const found = new Map<string, CachedFile>();
  const open: FileSet['open'] = async (name) => {
    if (!PLAIN_NAME.test(name))
      throw new SsmError({
        code: 'OPTION',
        what: `${where}: the file name cannot be used.`,
        expected: 'a plain name',
        got: name.slice(0, 200),
        fix: 'ask for a file of the model itself',
      });
    const file = found.get(name) ?? (await findFile(remote, name, settings));
    if (file) found.set(name, file); // the server is asked once
    return file && openCached(file);
  };
  return { where, open };
}

/** It is downloaded when it is first read: whoever opens it can refuse its size before that. */
function openCached({ size, fetch }: CachedFile): OpenFile {
  let opened: Promise<OpenFile> | undefined;
  const inCache = async (): Promise<OpenFile> => {
    const path = await fetch();
    const file = await folderFiles(dirname(path)).open(basename(path));
    if (!file) throw new SsmError({ code: 'FILE', what: `${path} is gone.`, expected: 'the file', got: 'nothing', fix: 'load again' });
    return file;
  };
  const read: OpenFile['read'] = async (offset, length) => {
    opened ??= inCache();
    return (await opened).read(offset, length);
  };
  const close = async (): Promise<void> => {
    await (await opened?.catch(() => undefined))?.close();
  };
  return { size, read, close };
}
