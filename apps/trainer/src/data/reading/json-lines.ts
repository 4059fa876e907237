import { isUtf8 } from 'node:buffer';
import { dataError, shown } from '../errors';
import { FIELD_FLAG, type Piece, type ReadOptions, SKIP_FLAG } from './piece';
import { asBuffer, notUtf8 } from './utf8';

const NEW_LINE = 10;
/** V8 has no longer strings. */
const MAX_LINE_BYTES = 2 ** 28;
const SKIP = `correct it, or leave such lines out with ${SKIP_FLAG}`;

interface Line {
  readonly bytes: Buffer;
  readonly number: number;
  /** Of its first byte. */
  readonly offset: number;
}

/** Each line's text is a document; empty lines count for nothing. @throws SsmError FILE naming file and line */
export async function* jsonLinePieces(bytes: AsyncIterable<Uint8Array>, name: string, options: ReadOptions): AsyncGenerator<Piece> {
  for await (const line of lines(bytes, name)) {
    let text: string | undefined;
    try {
      text = textOf(line, name, options.field);
    } catch (error) {
      if (!options.skipBadLines) throw error;
      options.onSkip(error as Error);
    }
    if (text) yield { text, isFirst: true };
  }
}

async function* lines(bytes: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Line> {
  let [waiting, waitingBytes, number, offset]: [Buffer[], number, number, number] = [[], 0, 1, 0];
  const line = (): Line => ({ bytes: waiting.length === 1 ? (waiting[0] as Buffer) : Buffer.concat(waiting), number, offset });
  for await (const chunk of bytes) {
    const all = asBuffer(chunk);
    for (let start = 0; start < all.length; ) {
      const newLine = all.indexOf(NEW_LINE, start);
      const end = newLine < 0 ? all.length : newLine;
      waiting.push(all.subarray(start, end));
      waitingBytes += end - start;
      if (waitingBytes > MAX_LINE_BYTES) throw tooLong(name, number);
      start = end + 1;
      if (newLine < 0) break;
      yield line();
      offset += waitingBytes + 1;
      [waiting, waitingBytes, number] = [[], 0, number + 1];
    }
  }
  if (waitingBytes > 0) yield line();
}

/** @throws SsmError FILE */
function textOf({ bytes, number, offset }: Line, name: string, field: string): string | undefined {
  if (!isUtf8(bytes)) throw notUtf8(`${name}, line ${number},`, offset, bytes);
  const line = bytes
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trim();
  if (line === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    const fix = name.endsWith('.json') ? 'write one object on each line, for example with jq -c' : SKIP;
    throw dataError(`${name}, line ${number}: this is no JSON.`, 'one JSON object on each line', shown(line), fix, cause);
  }
  const text = typeof value === 'string' ? value : fieldOf(value, `${name}, line ${number}`, field);
  // an escape may stand for half a character, which is no text
  return line.includes('\\u') ? text.replace(/\p{Surrogate}/gu, '\uFFFD') : text;
}

function fieldOf(value: unknown, where: string, field: string): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const got = Array.isArray(value) ? 'a list' : shown(value);
    throw dataError(`${where}: this is no JSON object.`, `an object with a field "${field}"`, got, SKIP);
  }
  const text = (value as Record<string, unknown>)[field];
  if (typeof text === 'string') return text;
  const lengths = Object.entries(value).map(([name, held]): [string, number] => [name, typeof held === 'string' ? held.length : -1]);
  const likely = lengths.sort((a, b) => b[1] - a[1])[0]?.[0]; // the longest is the text, more often than not
  throw missingField(where, field, Object.keys(value), text, likely);
}

/** The error for a record without the text, which names the fields that are there. */
export function missingField(where: string, field: string, fields: readonly string[], value: unknown, likely = fields[0]): Error {
  const isThere = value !== undefined;
  const names = fields.slice(0, 12).map((one) => `"${one}"`);
  const what = isThere ? `${where}: the field "${field}" holds no text.` : `${where}: there is no field "${field}".`;
  const got = isThere ? shown(value) : names.length > 0 ? `the fields ${names.join(', ')}` : 'no fields';
  const fix = isThere || likely === undefined ? SKIP : `name the field that holds the text: ${FIELD_FLAG} ${likely}`;
  return dataError(what, `a string in the field "${field}"`, got, fix);
}

const tooLong = (name: string, number: number): Error =>
  dataError(`${name}, line ${number}: the line is too long.`, `at most ${MAX_LINE_BYTES} bytes`, 'more', 'put one document on each line');
