/**
 * Checkpoints: a model's folder in Hugging Face layout with what a continuation needs besides, written to a folder of another name
 * and then swapped in. Whatever ends the process, `checkpoint` is whole, or, between the two renames of the swap, `checkpoint.old` is.
 */
import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { isObject, SsmError } from '@densessm/ssm-core/plain';
import { type FileSystem, readTextIfThere, realFiles, writeError, writePieces } from './files';
import { requireFileMarks } from './json-schema';

export interface CheckpointFile {
  readonly name: string;
  readonly pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** Written last: names every other file with its size and hash, so that one cut short is noticed. */
export const MANIFEST = 'trainer.json';
const FORMAT = 'densessm-checkpoint-1';

interface FileMark {
  readonly bytes: number;
  readonly sha256: string;
}

/** A checkpoint that was read back. */
export interface Checkpoint {
  readonly folder: string;
  /** What was passed to {@link writeCheckpoint} as `about`. */
  readonly about: Readonly<Record<string, unknown>>;
  /** Compares every file with its hash. @throws SsmError FILE where one is damaged */
  verify(): Promise<void>;
}

/**
 * Writes a checkpoint and swaps it in for the one that may be there.
 * @throws SsmError FILE where it cannot be written; the one that is there stays as it is.
 */
export async function writeCheckpoint(
  folder: string,
  files: readonly CheckpointFile[],
  about: Readonly<Record<string, unknown>>,
  fs: FileSystem = realFiles,
): Promise<void> {
  const temporary = `${folder}.${crypto.randomUUID()}.tmp`;
  try {
    await fs.mkdir(temporary, { recursive: true });
    const marks: Record<string, FileMark> = {};
    for (const { name, pieces } of files) {
      const hash = createHash('sha256');
      let bytes = 0;
      await writePieces(fs, join(temporary, name), pieces, (piece) => {
        hash.update(piece);
        bytes += piece.length;
      });
      marks[name] = { bytes, sha256: hash.digest('hex') };
    }
    const manifest = `${JSON.stringify({ format: FORMAT, ...about, files: marks }, null, 2)}\n`;
    await writePieces(fs, join(temporary, MANIFEST), [new TextEncoder().encode(manifest)]);
    await swapIn(temporary, folder, fs);
  } catch (error) {
    await fs.rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    if (error instanceof SsmError) throw error;
    throw writeError(
      'The checkpoint could not be written.',
      folder,
      error,
      '; then go on with --init-from resume. The checkpoint before is intact',
    );
  }
}

async function swapIn(temporary: string, folder: string, fs: FileSystem): Promise<void> {
  const old = `${folder}.old`;
  await fs.rm(old, { recursive: true, force: true });
  await fs.rename(folder, old).catch(unlessAbsent);
  try {
    await fs.rename(temporary, folder);
  } catch (error) {
    await fs.rename(old, folder).catch(unlessAbsent);
    throw error;
  }
  await fs.rm(old, { recursive: true, force: true });
}

const unlessAbsent = (error: NodeJS.ErrnoException): void => {
  if (error.code !== 'ENOENT') throw error;
};

/**
 * Puts back what a process left that was killed in the middle: the checkpoint that a swap had set aside; and removes what
 * was only half written.
 */
export async function tidyCheckpoints(folder: string, fs: FileSystem = realFiles): Promise<void> {
  const parent = dirname(folder);
  const beside = await fs.readdir(parent).catch(() => [] as string[]);
  const name = basename(folder);
  if (!beside.includes(name) && beside.includes(`${name}.old`)) await fs.rename(`${folder}.old`, folder);
  else if (beside.includes(`${name}.old`)) await fs.rm(`${folder}.old`, { recursive: true, force: true });
  const halves = beside.filter((one) => one.startsWith(`${name}.`) && one.endsWith('.tmp'));
  for (const half of halves) await fs.rm(join(parent, half), { recursive: true, force: true });
}

/**
 * Opens a checkpoint; undefined where there is none.
 * @throws SsmError FILE where it is damaged
 */
export async function openCheckpoint(folder: string, fs: FileSystem = realFiles): Promise<Checkpoint | undefined> {
  const path = join(folder, MANIFEST);
  const text = await readTextIfThere(fs, path);
  if (text === undefined) return undefined;
  const json = parseManifest(path, text);
  const { format: _, files, ...about } = json;
  requireFileMarks(path, files);
  const marks = files as Readonly<Record<string, FileMark>>;
  const verify = async (): Promise<void> => {
    for (const [name, mark] of Object.entries(marks)) await compare(fs, join(folder, name), mark);
  };
  return { folder, about, verify };
}

function parseManifest(path: string, text: string): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw damaged(path, 'JSON', `${text.length} characters that are none`);
  }
  if (isObject(json) && json.format === FORMAT) return json;
  throw damaged(path, `"format": "${FORMAT}"`, isObject(json) ? String(json.format) : typeof json);
}

/** Bytes that are read at once. */
const PIECE = 2 ** 22;

async function compare(fs: FileSystem, path: string, mark: FileMark): Promise<void> {
  const { bytes, sha256 } = await hashOf(fs, path).catch((error: NodeJS.ErrnoException) => {
    throw damaged(path, `${mark.bytes} bytes`, error.code ?? error.message);
  });
  if (bytes !== mark.bytes) throw damaged(path, `${mark.bytes} bytes`, `${bytes} bytes`);
  if (sha256 !== mark.sha256) throw damaged(path, 'the bytes that were written', 'other bytes of the same number');
}

async function hashOf(fs: FileSystem, path: string): Promise<FileMark> {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(PIECE);
  const file = await fs.open(path, 'r');
  try {
    for (let bytes = 0; ; ) {
      const { bytesRead } = await file.read(buffer, 0, PIECE);
      if (bytesRead === 0) return { bytes, sha256: hash.digest('hex') };
      hash.update(buffer.subarray(0, bytesRead));
      bytes += bytesRead;
    }
  } finally {
    await file.close();
  }
}

const damaged = (path: string, expected: string, got: string): SsmError =>
  new SsmError({
    code: 'FILE',
    what: `${path}: the checkpoint is damaged.`,
    expected,
    got,
    fix: 'go on from another one: --init-from DIR/best begins a new run with its weights',
  });
