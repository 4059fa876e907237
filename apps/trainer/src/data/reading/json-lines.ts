import { isUtf8 } from 'node:buffer';
import { isObject } from '@densessm/ssm-core/plain';
import { dataError, shown } from '../errors';
import { missingField, shellWord, textFields, valueAt } from './fields';
import { type Piece, type ReadOptions, SKIP_FLAG, STDIN } from './piece';
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
  for await (const text of jsonLineValues(bytes, name, options, (value, where) => textOf(value, where, options.field)))
    if (text) yield { text, isFirst: true };
}

/** What `read` makes of the value of each line; empty lines count for nothing. @throws SsmError FILE naming file and line */
export async function* jsonLineValues<T>(
  bytes: AsyncIterable<Uint8Array>,
  name: string,
  options: Pick<ReadOptions, 'skipBadLines' | 'onSkip'>,
  read: (value: unknown, where: string) => T,
): AsyncGenerator<T> {
  for await (const line of lines(bytes, name)) {
    let made: T | undefined;
    try {
      const value = jsonOf(line, name);
      if (value === undefined) continue;
      made = read(value, `${name}, line ${line.number}`);
    } catch (error) {
      if (!options.skipBadLines) throw error;
      options.onSkip(error as Error);
      continue;
    }
    yield made;
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

/** The JSON value of a line; undefined of an empty one. @throws SsmError FILE */
function jsonOf({ bytes, number, offset }: Line, name: string): unknown {
  if (!isUtf8(bytes)) throw notUtf8(`${name}, line ${number},`, offset, bytes);
  const line = bytes
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trim();
  if (line === '') return undefined;
  try {
    const value: unknown = JSON.parse(line);
    if (!Array.isArray(value)) return value;
  } catch (cause) {
    throw dataError(
      `${name}, line ${number}: this is no JSON.`,
      'one JSON object on each line',
      shown(line),
      adviceFor(line, number, name),
      cause,
    );
  }
  throw dataError(
    `${name}, line ${number}: this is no JSON object.`,
    'one JSON object on each line',
    'a list',
    adviceFor(line, number, name),
  );
}

/** A whole file in one list, and objects over several lines, are told by how they begin. */
function adviceFor(line: string, number: number, name: string): string {
  const filter = line.startsWith('[') ? "'.[]'" : line === '{' ? '.' : undefined;
  if (number > 1 || filter === undefined) return SKIP;
  return `write one object on each line: jq -c ${filter} ${name === STDIN ? '' : `${shellWord(name)} `}> lines.jsonl`;
}

/** @throws SsmError FILE */
function textOf(value: unknown, where: string, field: string): string {
  const text = typeof value === 'string' ? value : fieldOf(value, where, field);
  return text.replaceAll(/\p{Surrogate}/gu, '\uFFFD'); // an escape may stand for half a character, which is no text
}

function fieldOf(value: unknown, where: string, field: string): string {
  if (!isObject(value)) throw dataError(`${where}: this is no JSON object.`, `an object with a field "${field}"`, shown(value), SKIP);
  const text = valueAt(value, field);
  if (typeof text === 'string') return text;
  const list = Object.entries(value).find(([, held]) => Array.isArray(held) && held.length > 0 && held.every(isObject))?.[0];
  if (list !== undefined && textFields(value).length === 0) {
    const fix = `write its objects on a line each: jq -c '.${list}[]'`;
    throw dataError(`${where}: there is no field "${field}".`, `a string in the field "${field}"`, `a list in the field "${list}"`, fix);
  }
  throw missingField({ where, field, value: text, fields: Object.keys(value), candidates: textFields(value) });
}

const tooLong = (name: string, number: number): Error =>
  dataError(`${name}, line ${number}: the line is too long.`, `at most ${MAX_LINE_BYTES} bytes`, 'more', 'put one document on each line');
