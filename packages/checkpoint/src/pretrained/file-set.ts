import { SsmError } from '@densessm/ssm-core';
import { type ByteSource, readExactly } from '../safetensors';

/** A file that is open for reading. */
export interface OpenFile extends ByteSource {
  close(): Promise<void>;
}

/** The files of one model, wherever they lie: a folder, a repository on the Hub, what a visitor chose in a browser. */
export interface FileSet {
  /** Names the place in errors. */
  readonly where: string;
  /** Undefined where there is no such file. */
  open(name: string): Promise<OpenFile | undefined>;
  /** The names of what lies in a folder of the model; absent or undefined where nobody can tell. */
  list?(folder: string): Promise<readonly string[] | undefined>;
}

/** What a browser's file input and drag and drop give. */
export type NamedBlob = Pick<Blob, 'size' | 'slice'> & { readonly name: string; readonly webkitRelativePath?: string };

/** tokenizer.json of large vocabularies has tens of megabytes. */
export const MAX_TEXT_BYTES = 2 ** 28;

/**
 * The files of a browser's file input, read when needed and never whole. Where a folder was chosen, the files that lie
 * in it directly count, by their own names.
 * @throws SsmError FILE where a name occurs twice
 */
export function fileSetOf(blobs: Iterable<NamedBlob>, where = 'the chosen files'): FileSet {
  const byName = new Map<string, NamedBlob>();
  for (const blob of blobs) {
    const path = (blob.webkitRelativePath || blob.name).split('/');
    if (path.length > 2) continue; // below the chosen folder
    const name = path.at(-1) ?? '';
    if (byName.has(name)) {
      const fix = "choose one model's files";
      throw new SsmError({
        code: 'FILE',
        what: `${where}: \`${name}\` is there twice.`,
        expected: 'each name once',
        got: 'two files',
        fix,
      });
    }
    byName.set(name, blob);
  }
  return { where, open: async (name) => openBlob(byName.get(name)) };
}

function openBlob(blob: NamedBlob | undefined): OpenFile | undefined {
  if (!blob) return undefined;
  const read = async (offset: number, length: number) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
  return { size: blob.size, read, close: async () => undefined };
}

/**
 * The same files, whose reading tells how far into a file it has come: weights are read in parts, from their beginning to their end.
 * The files themselves where nobody listens.
 */
export function withProgress(
  files: FileSet,
  onProgress: ((progress: { file: string; loaded: number; total: number }) => void) | undefined,
): FileSet {
  if (!onProgress) return files;
  const open: FileSet['open'] = async (file) => {
    const opened = await files.open(file);
    if (!opened) return undefined;
    const { size } = opened;
    let loaded = 0;
    const read: OpenFile['read'] = async (offset, length) => {
      const bytes = await opened.read(offset, length);
      loaded = Math.max(loaded, offset + bytes.length);
      onProgress({ file, loaded, total: size });
      return bytes;
    };
    return { size, read, close: () => opened.close() };
  };
  return { where: files.where, open, list: async (folder) => files.list?.(folder) };
}

/** Where a file of a set lies, for errors. */
export const pathIn = (files: FileSet, name: string): string => `${files.where}/${name}`;

/**
 * The text of a file, undefined where there is none: config.json, an index, tokenizer.json.
 * @throws SsmError FILE where it is not UTF-8 or too large for a text
 */
export async function readText(files: FileSet, name: string): Promise<string | undefined> {
  const file = await files.open(name);
  if (!file) return undefined;
  const where = pathIn(files, name);
  const bad = (what: string, expected: string, got: string): SsmError =>
    new SsmError({ code: 'FILE', what: `${where}: ${what}`, expected, got, fix: 'get the file again' });
  try {
    if (file.size > MAX_TEXT_BYTES) throw bad('the file is too large for a text.', `at most ${MAX_TEXT_BYTES} bytes`, `${file.size}`);
    const bytes = await readExactly(where, file, 0, file.size);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      throw bad('the file is not UTF-8 text.', 'text', 'other bytes');
    }
  } finally {
    await file.close();
  }
}
