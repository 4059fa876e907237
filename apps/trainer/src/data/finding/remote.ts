import { downloadDatasetFile, downloadUrl, type HubOptions, listDataset } from '@densessm/runtime-node';
import { SsmError } from '@densessm/ssm-core/plain';
import { dataError } from '../errors';
import { DATA_NAMES, type DataFile, formatOf, looksLikeData } from './data-file';
import { dataFile } from './local';

/** `owner/name`, and what follows it. */
const DATA_SET = /^([\w-][\w.-]*\/[\w-][\w.-]*)(?:\/(.+))?$/;
const PAGE = /^https?:\/\/(?:www\.)?(?:huggingface\.co|hf\.co)\/datasets\/([\w.-]+\/[\w.-]+)(?:\/tree\/([^/]+)(?:\/(.+))?)?\/?$/;
const TRAIN = /(^|[/_.-])train(ing)?([/_.-]|$)/i;
const NOT_TRAIN = /(^|[/_.-])(test|valid|validation|val|dev|eval)([/_.-]|$)/i;

export const isUrl = (source: string): boolean => /^https?:\/\//i.test(source);

/** The file behind a URL, or the data set whose page on the Hub it is. @throws SsmError NETWORK, FILE, OPTION */
export async function urlFiles(url: string, hub: HubOptions): Promise<DataFile[]> {
  const [isPage, id, revision, below] = PAGE.exec(url) ?? [];
  if (isPage && id) return dataSetFiles(id, below, { ...hub, revision: revision ?? hub.revision });
  const path = await downloadUrl(url, hub);
  return [await dataFile(path, url, new URL(url).pathname)];
}

/**
 * A name that is no path here is a data set on the Hub: all its files, one, or those in one of its folders.
 * @throws SsmError FILE where it can be neither, NETWORK, OPTION
 */
export async function hubFiles(name: string, hub: HubOptions): Promise<DataFile[]> {
  const [isId, id = '', below] = DATA_SET.exec(name) ?? [];
  const isMistyped = !isId || (below === undefined && (looksLikeData(name) || formatOf(name).isGzipped));
  if (isMistyped) {
    const expected = 'a file, a folder, -, a URL, the id of a data set on the Hub (owner/name), or stories';
    throw dataError(`${name} does not exist.`, expected, 'nothing there', 'check the path');
  }
  try {
    return await dataSetFiles(id, below, hub);
  } catch (error) {
    if (!(error instanceof SsmError) || error.code !== 'NETWORK') throw error;
    const { code, expected, got, fix } = error;
    const what = `${name} is no file or folder here. As a data set on the Hub: ${error.message.split('\n', 1)[0]}`;
    throw new SsmError({ code, what, expected, got, fix }, { cause: error });
  }
}

async function dataSetFiles(id: string, below: string | undefined, hub: HubOptions): Promise<DataFile[]> {
  const paths = await listDataset(id, hub);
  const chosen = choose(paths, below);
  if (chosen.length === 0) {
    const got = paths.slice(0, 5).join(', ') || 'no files';
    throw dataError(
      `${id}: the data set has no files with text${below ? ` in ${below}` : ''}.`,
      DATA_NAMES,
      got,
      'name one of its files: owner/name/path',
    );
  }
  const files: DataFile[] = [];
  for (const path of chosen) files.push(await dataFile(await downloadDatasetFile(id, path, hub), `${id}/${path}`));
  return files;
}

/**
 * Of a data set the training part, if names tell it, in the one of its formats that is quickest to read: many are there in
 * several. Of a named folder all files, of a named file that.
 */
export function choose(paths: readonly string[], below?: string): string[] {
  if (below !== undefined && paths.includes(below)) return [below];
  const folder = below === undefined ? '' : `${below.replace(/\/+$/, '')}/`;
  const data = paths.filter((path) => path.startsWith(folder) && looksLikeData(path));
  const format = (['parquet', 'jsonl', 'text'] as const).find((one) => data.some((path) => formatOf(path).format === one));
  const ofFormat = data.filter((path) => formatOf(path).format === format);
  if (below !== undefined) return ofFormat;
  const train = ofFormat.filter((path) => TRAIN.test(path));
  return train.length > 0 ? train : ofFormat.filter((path) => !NOT_TRAIN.test(path));
}
