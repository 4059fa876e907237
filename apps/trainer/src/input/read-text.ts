import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { SsmError } from '@densessm/ssm-core';
import type { Io } from '../io';
import { pathFrom } from '../output/write-file';

const fileError = (what: string, expected: string, got: string, fix: string, cause?: unknown): SsmError =>
  new SsmError({ code: 'FILE', what, expected, got, fix }, { cause });

/** What to call an input in a message. */
export const nameOf = (path: string): string => (path === '-' ? 'the standard input' : path);

/**
 * The text of a file that is small enough to be held, or of the standard input where the path is `-`. A `.gz` is unpacked.
 * @throws SsmError FILE where there is none or it is not UTF-8
 */
export async function readTextInput(io: Io, path: string): Promise<string> {
  const bytes = path === '-' ? await readAll(io.stdin) : await readWhole(pathFrom(io.cwd, path), path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    const at = firstBadByte(bytes);
    throw fileError(`${nameOf(path)} is not UTF-8 text.`, 'text', `byte ${at} is ${hex(bytes[at])}`, 'convert it to UTF-8', cause);
  }
}

async function readWhole(absolute: string, path: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(absolute);
    return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw fileError(`${path} does not exist.`, 'a file', `nothing at ${absolute}`, 'check the path', cause);
    if (code === 'EISDIR') throw fileError(`${path} is a folder.`, 'a file', 'a folder', 'name the files in it', cause);
    throw fileError(`${path} cannot be read.`, 'a file that may be read', String(cause), 'check who may read it', cause);
  }
}

async function readAll(stdin: Io['stdin']): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const part of stdin) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

/** Where the longest beginning that is UTF-8 ends. */
function firstBadByte(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let [good, bad] = [0, bytes.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    const isGood = [0, 1, 2, 3].some((back) => decodes(decoder, bytes.subarray(0, middle - back)));
    if (isGood) good = middle;
    else bad = middle;
  }
  return good;
}

function decodes(decoder: TextDecoder, bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

const hex = (byte = 0): string => `0x${byte.toString(16).padStart(2, '0')}`;

/**
 * The objects of a JSON Lines file. Empty lines are left out.
 * @throws SsmError FILE naming file and line
 */
export async function readJsonLines(io: Io, path: string): Promise<unknown[]> {
  const lines = (await readTextInput(io, path)).split('\n');
  const values: unknown[] = [];
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '') continue;
    try {
      values.push(JSON.parse(line));
    } catch (cause) {
      const what = `${nameOf(path)}: line ${i + 1} is no JSON.`;
      throw fileError(what, 'one JSON value per line', line.slice(0, 60), 'correct the line', cause);
    }
  }
  if (values.length === 0) throw fileError(`${nameOf(path)} is empty.`, 'a line of JSON', 'nothing', 'check the file');
  return values;
}

/**
 * The texts of a file: of a .jsonl each line's field, of any other file the whole.
 * @throws SsmError FILE where there is no text
 */
export async function readTexts(io: Io, path: string, field = 'text'): Promise<string[]> {
  if (!/\.jsonl(\.gz)?$/.test(path)) {
    const text = await readTextInput(io, path);
    if (text === '') throw fileError(`${nameOf(path)} is empty.`, 'text', 'nothing', 'check the file');
    return [text];
  }
  return (await readJsonLines(io, path)).map((value, i) => {
    const text = typeof value === 'string' ? value : (value as Record<string, unknown> | null)?.[field];
    if (typeof text === 'string') return text;
    const got = JSON.stringify(value).slice(0, 80);
    throw fileError(`${path}: document ${i + 1} has no text.`, `a field ${JSON.stringify(field)}`, got, 'name the field with --field');
  });
}
