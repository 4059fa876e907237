/** Models whose files are kept in this browser. */
import type { Version } from './kept-pieces';
import { SiteFolder } from './storage/site-folder';

/** The folder of all kept files, each of which has a folder of its own there. */
export const KEPT = 'models';
/** In the folder of a file: which one it is. */
export const ABOUT = 'about.json';

/** What {@link ABOUT} says. */
export interface AboutFile extends Version {
  readonly url: string;
  /** The model that the file belongs to. */
  readonly source: string;
  /** Its name inside. */
  readonly name: string;
}

/** A file that is kept, wholly or in part. */
export interface KeptFile {
  readonly name: string;
  /** Bytes that have come. */
  readonly bytes: number;
  /** Bytes of the whole file. */
  readonly size: number;
}

/** A model some of whose files are kept. */
export interface KeptModel {
  /** Its address: a URL or a Hub id. */
  readonly source: string;
  readonly files: readonly KeptFile[];
  /** Bytes that have come, all files together. */
  readonly bytes: number;
  /** Whether every file that was begun has come to its end. */
  readonly isComplete: boolean;
}

/** The models that this browser keeps files of, with their sizes. */
export async function keptModels(): Promise<KeptModel[]> {
  const kept = await SiteFolder.open(KEPT);
  const bySource = new Map<string, KeptFile[]>();
  for (const key of (await kept?.folders()) ?? []) {
    const folder = await (kept as SiteFolder).folder(key);
    const about = await readAbout(folder);
    if (!about) continue;
    const pieces = (await folder.files()).filter(({ name }) => name !== ABOUT);
    const file = { name: about.name, bytes: pieces.reduce((sum, { bytes }) => sum + bytes, 0), size: about.size };
    bySource.set(about.source, [...(bySource.get(about.source) ?? []), file]);
  }
  return [...bySource].map(([source, files]) => ({
    source,
    files: files.sort((a, b) => (a.name < b.name ? -1 : 1)),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    isComplete: files.every(({ bytes, size }) => bytes >= size),
  }));
}

/** Removes what is kept of a model; nothing where nothing is. */
export async function deleteKeptModel(source: string): Promise<void> {
  const kept = await SiteFolder.open(KEPT);
  for (const key of (await kept?.folders()) ?? []) {
    const about = await readAbout(await (kept as SiteFolder).folder(key));
    if (!about || about.source === source) await kept?.remove(key);
  }
}

/** Undefined where the folder is not, or no longer, one of ours. */
export async function readAbout(folder: SiteFolder): Promise<AboutFile | undefined> {
  try {
    return JSON.parse((await (await folder.read(ABOUT))?.text()) ?? '') as AboutFile;
  } catch {
    return undefined;
  }
}
