import { SsmError } from '@densessm/ssm-core';
import { isObject } from '@densessm/ssm-core/plain';
import { BYTES_PER_ELEMENT, type Dtype, isDtype } from './dtypes';
import { parseJson, shorten } from './json';

/** Bytes of the little-endian u64 in front of the header. */
export const LENGTH_BYTES = 8;
/** The reference refuses longer headers too. */
const MAX_HEADER_BYTES = 100_000_000;

/** One tensor of a file, without its values. */
export interface TensorEntry {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Where its bytes begin, from the start of the file. */
  readonly offset: number;
  readonly byteLength: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

export function fileError(where: string, what: string, expected: string, got: string): SsmError {
  const fix = 'get the file again; if it was made by a program of yours, let that program write it with a safetensors library';
  return new SsmError({ code: 'FILE', what: `${where}: ${what}`, expected, got, fix });
}

/**
 * The header's length, from the first eight bytes of a file of `size` bytes.
 * @throws SsmError FILE where the file ends before its header does or the header is over the cap.
 */
export function headerLength(where: string, start: Uint8Array, size: number): number {
  if (start.length < LENGTH_BYTES || size < LENGTH_BYTES)
    throw fileError(where, 'the file is too short.', `at least ${LENGTH_BYTES} bytes`, `${size} bytes`);
  const length = new DataView(start.buffer, start.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES)
    throw fileError(where, 'the header claims to be too long.', `at most ${MAX_HEADER_BYTES} bytes`, `${length} bytes`);
  if (LENGTH_BYTES + Number(length) > size)
    throw fileError(where, 'the file ends inside its header.', `${LENGTH_BYTES + Number(length)} bytes or more`, `${size} bytes`);
  return Number(length);
}

/**
 * Reads and checks a safetensors header (format: github.com/huggingface/safetensors, "Format"). Together the tensors must
 * cover the data exactly: no overlap, no hole, nothing behind the last.
 * @throws SsmError FILE
 */
export function parseHeader(where: string, header: Uint8Array, size: number): SafetensorsHeader {
  const json = headerJson(where, header);
  const metadata = json.__metadata__ ?? {}; // the reference reads null as none
  if (!isObject(metadata) || !Object.values(metadata).every((value) => typeof value === 'string'))
    throw fileError(where, '`__metadata__` is not a record of strings.', 'an object whose values are strings', describe(metadata));
  const dataStart = LENGTH_BYTES + header.length;
  const dataBytes = size - dataStart;
  const tensors = new Map<string, TensorEntry>();
  for (const [name, entry] of Object.entries(json)) {
    if (name !== '__metadata__') tensors.set(name, tensorEntry(where, name, entry, dataStart, dataBytes));
  }
  requireFullCover(where, tensors, dataStart, size);
  return { tensors, metadata: metadata as Record<string, string> };
}

function headerJson(where: string, header: Uint8Array): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
  } catch {
    throw fileError(where, 'the header is not UTF-8 text.', 'a JSON object in UTF-8', 'other bytes');
  }
  if (!text.startsWith('{'))
    throw fileError(where, 'the header does not begin with {.', 'a JSON object', shorten(JSON.stringify(text.slice(0, 60))));
  return parseJson(text, { where: `${where}: header`, refuseDuplicates: true }) as Record<string, unknown>;
}

function tensorEntry(where: string, name: string, entry: unknown, dataStart: number, dataBytes: number): TensorEntry {
  const bad = (expected: string, got: unknown): SsmError => {
    const title = shorten(JSON.stringify(name));
    return fileError(where, `the header's entry ${title} cannot be used.`, expected, describe(got));
  };
  if (/\p{Surrogate}/u.test(name)) throw bad('a name of whole characters', name);
  if (!isObject(entry)) throw bad('an object with dtype, shape and data_offsets', entry);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isDtype(dtype)) throw bad(`dtype ${Object.keys(BYTES_PER_ELEMENT).join(', ')}`, dtype);
  if (!isListOfSizes(shape)) throw bad('shape: a list of integers, none negative', shape);
  if (!isListOfSizes(offsets) || offsets.length !== 2) throw bad('data_offsets: two integers, none negative', offsets);
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > dataBytes) throw bad(`data_offsets: begin ≤ end ≤ ${dataBytes}, the bytes behind the header`, offsets);
  const byteLength = bytesOf(shape, dtype);
  if (byteLength === undefined) throw bad('shape: a product within the integers of float64', shape);
  if (byteLength !== end - begin) throw bad(`data_offsets that span ${byteLength} bytes: shape times ${dtype}`, { shape, offsets });
  return { dtype, shape, offset: dataStart + begin, byteLength };
}

const isListOfSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

/** Bytes of a tensor; undefined where that is no integer that float64 can hold. */
export function bytesOf(shape: readonly number[], dtype: Dtype): number | undefined {
  let product: number = BYTES_PER_ELEMENT[dtype];
  for (const size of shape) product *= Number.isSafeInteger(product) ? size : Number.NaN;
  return Number.isSafeInteger(product) && product >= 0 ? product : undefined;
}

function requireFullCover(where: string, tensors: ReadonlyMap<string, TensorEntry>, dataStart: number, size: number): void {
  const inOrder = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.byteLength - b.byteLength);
  let covered = dataStart;
  for (const [name, { offset, byteLength }] of inOrder) {
    const title = shorten(JSON.stringify(name));
    if (offset !== covered) {
      const what = offset < covered ? `${title} overlaps the tensor before it.` : `there is a hole in front of ${title}.`;
      throw fileError(where, what, `its data at offset ${covered - dataStart}`, `offset ${offset - dataStart}`);
    }
    covered += byteLength;
  }
  if (covered !== size) {
    const behind = `${size - covered} more bytes`;
    throw fileError(where, 'there are bytes that belong to no tensor.', `the end of the file after ${covered} bytes`, behind);
  }
}

const describe = (value: unknown): string => shorten(JSON.stringify(Array.isArray(value) ? value.slice(0, 30) : value) ?? 'nothing');
