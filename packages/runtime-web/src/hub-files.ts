import { openRemoteFile, type RemoteSettings } from './remote-file';

/** Bytes of the Hub's answer; repositories of a thousand files have some 100 kB. */
const MAX_ANSWER = 2 ** 24;

/**
 * The names of all files of a model on the Hub, by one request, so that a page asks for no file that is not there: browsers print
 * each such answer in red. Kept as files are, for visits without a connection.
 * @returns undefined where the Hub does not tell: then every file has to be asked for
 * @throws the signal's reason once it is aborted
 */
export async function hubFileNames(
  { endpoint, id, revision }: { endpoint: string; id: string; revision: string },
  settings: Omit<RemoteSettings, 'onBytes' | 'name'>,
): Promise<ReadonlySet<string> | undefined> {
  try {
    const url = `${endpoint}/api/models/${id}/revision/${encodeURIComponent(revision)}`;
    const file = await openRemoteFile(url, { ...settings, name: 'list of files', onBytes: () => undefined });
    if (!file || file.size > MAX_ANSWER) return undefined;
    const text = new TextDecoder().decode(await file.read(0, file.size));
    await file.close();
    return namesIn(JSON.parse(text));
  } catch {
    settings.signal?.throwIfAborted();
    return undefined;
  }
}

function namesIn(answer: unknown): ReadonlySet<string> | undefined {
  const { siblings } = (answer ?? {}) as { siblings?: unknown };
  if (!Array.isArray(siblings)) return undefined;
  return new Set(siblings.flatMap((one: { rfilename?: unknown }) => (typeof one?.rfilename === 'string' ? [one.rfilename] : [])));
}
