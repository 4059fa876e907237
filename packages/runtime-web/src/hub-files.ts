import { openRemoteFile, type RemoteSettings } from './remote-file';

/** Bytes of a list; repositories of a thousand files have some 100 kB on the Hub. */
const MAX_ANSWER = 2 ** 24;

/** Beside a model at a URL: the names of its files, a JSON list. `densessm convert` writes it. */
const LIST_FILE = 'files.json';

type ListSettings = Omit<RemoteSettings, 'onBytes' | 'name'>;

/**
 * The names of all files of a model on the Hub, by one request, so that a page asks for no file that is not there: browsers print
 * each such answer in red. Kept as files are, for visits without a connection.
 * @returns undefined where the Hub does not tell: then every file has to be asked for
 * @throws the signal's reason once it is aborted
 */
export async function hubFileNames(
  { endpoint, id, revision }: { endpoint: string; id: string; revision: string },
  settings: ListSettings,
): Promise<ReadonlySet<string> | undefined> {
  const answer = await listAt(`${endpoint}/api/models/${id}/revision/${encodeURIComponent(revision)}`, settings);
  const { siblings } = (answer ?? {}) as { siblings?: unknown };
  if (!Array.isArray(siblings)) return undefined;
  return new Set(siblings.flatMap((one: { rfilename?: unknown }) => (typeof one?.rfilename === 'string' ? [one.rfilename] : [])));
}

/** The same for a folder at a URL, from the list that lies in it; undefined where there is none. @throws the signal's reason once it is aborted */
export async function listedFileNames(folder: string, settings: ListSettings): Promise<ReadonlySet<string> | undefined> {
  const names = await listAt(`${folder}/${LIST_FILE}`, settings);
  return Array.isArray(names) && names.every((name) => typeof name === 'string') ? new Set(names) : undefined;
}

async function listAt(url: string, settings: ListSettings): Promise<unknown> {
  try {
    const file = await openRemoteFile(url, { ...settings, name: 'list of files', onBytes: () => undefined });
    if (!file || file.size > MAX_ANSWER) return undefined;
    const text = new TextDecoder().decode(await file.read(0, file.size));
    await file.close();
    return JSON.parse(text);
  } catch {
    settings.signal?.throwIfAborted();
    return undefined;
  }
}
