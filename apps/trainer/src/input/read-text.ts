import { stat } from 'node:fs/promises';
import { SsmError } from '@densessm/ssm-core/plain';
import { fileBytes } from '../data/reading/bytes';
import { STDIN } from '../data/reading/piece';
import { utf8Text } from '../data/reading/utf8';
import type { Io } from '../io';
import { formatBytes } from '../output/numbers';
import { pathFrom } from '../output/write-file';

/** Of a text that is held whole, with its tokens: a quarter of the longest string that V8 has. */
export const MOST_CHARACTERS = 2 ** 27;
/** A character of UTF-16 has at most three bytes in UTF-8. */
const BYTES_PER_CHARACTER = 3;

const fileError = (what: string, expected: string, got: string, fix: string, cause?: unknown): SsmError =>
  new SsmError({ code: 'FILE', what, expected, got, fix }, { cause });

/** @throws SsmError FILE for a text with more bytes than a string can hold */
export function requireHoldable(name: string, sizeBytes: number, fix: string): void {
  if (sizeBytes > BYTES_PER_CHARACTER * MOST_CHARACTERS) throw tooLong(name, formatBytes(sizeBytes), fix);
}

/** The error for a text that is too long to be held. */
export const tooLong = (name: string, got: string, fix: string): SsmError =>
  fileError(`${name} is too long to be held in memory.`, `at most ${formatBytes(MOST_CHARACTERS)} of text`, got, fix);

/**
 * The text of a file that is small enough to be held, or of the standard input where the path is `-`. A `.gz` is unpacked.
 * @throws SsmError FILE where there is none, it is not UTF-8 or too long
 */
export async function readTextInput(io: Io, path: string): Promise<string> {
  const name = path === '-' ? STDIN : path;
  const fix = 'give a shorter text, for example with head -c 100M';
  const bytes = path === '-' ? asBytes(io.stdin) : await bytesOf(io, path, fix);
  let text = '';
  for await (const piece of utf8Text(bytes, name)) {
    text += piece;
    if (text.length > MOST_CHARACTERS) throw tooLong(name, 'more', fix);
  }
  return text;
}

async function bytesOf(io: Io, path: string, fix: string): Promise<AsyncIterable<Uint8Array>> {
  const absolute = pathFrom(io.cwd, path);
  const found = await stat(absolute).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw fileError(`${path} does not exist.`, 'a file', `nothing at ${absolute}`, 'check the path', cause);
    throw fileError(`${path} cannot be read.`, 'a file that may be read', String(cause), 'check who may read it', cause);
  });
  if (found.isDirectory()) throw fileError(`${path} is a folder.`, 'a file', 'a folder', 'name the files in it');
  const isGzipped = path.endsWith('.gz');
  if (!isGzipped) requireHoldable(path, found.size, fix);
  return fileBytes({ name: path, path: absolute, isGzipped }, () => undefined, io.signal);
}

async function* asBytes(stdin: Io['stdin']): AsyncGenerator<Uint8Array> {
  for await (const part of stdin) yield Buffer.from(part);
}
