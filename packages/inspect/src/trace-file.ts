/**
 * A trace as one file: `DSTRACE1`, the length of a JSON header as uint32, the header, then the arrays one after the other, each at a multiple of 4 bytes.
 * In the header an array is `{ "array": "f32" or "i32", "from": first byte, "length": count }`. All numbers are little-endian.
 */
import { isObject, SsmError } from '@densessm/ssm-core/plain';

const MAGIC = 'DSTRACE1';
const HEAD = MAGIC.length + 4;
const padded = (bytes: number): number => Math.ceil(bytes / 4) * 4;

/** A trace, or anything else of plain data and Float32Arrays and Int32Arrays, as bytes. */
export function serializeTrace(trace: object): Uint8Array {
  const arrays: (Float32Array | Int32Array)[] = [];
  let at = 0;
  const header = JSON.stringify(trace, (_, value: unknown) => {
    if (!(value instanceof Float32Array || value instanceof Int32Array)) return value;
    arrays.push(value);
    const from = at;
    at += value.byteLength;
    return { array: value instanceof Float32Array ? 'f32' : 'i32', from, length: value.length };
  });
  const text = new TextEncoder().encode(header);
  const start = padded(HEAD + text.length);
  const bytes = new Uint8Array(start + at);
  bytes.set(new TextEncoder().encode(MAGIC));
  const view = new DataView(bytes.buffer);
  view.setUint32(MAGIC.length, text.length, true);
  bytes.set(text, HEAD);
  let place = start;
  for (const array of arrays) {
    for (const [i, value] of array.entries()) {
      if (array instanceof Float32Array) view.setFloat32(place + 4 * i, value, true);
      else view.setInt32(place + 4 * i, value, true);
    }
    place += array.byteLength;
  }
  return bytes;
}

/** What {@link serializeTrace} wrote. @throws SsmError FILE for other bytes */
export function parseTrace<T extends object>(bytes: Uint8Array): T {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (new TextDecoder().decode(bytes.subarray(0, MAGIC.length)) !== MAGIC || bytes.length < HEAD) throw damaged('other bytes');
  const length = view.getUint32(MAGIC.length, true);
  const start = padded(HEAD + length);
  if (start > bytes.length) throw damaged(`${bytes.length} bytes`);
  const revive = (_: string, value: unknown): unknown => (isArray(value) ? arrayAt(view, start, value) : value);
  try {
    return JSON.parse(new TextDecoder().decode(bytes.subarray(HEAD, HEAD + length)), revive) as T;
  } catch (error) {
    if (error instanceof SsmError) throw error;
    throw damaged('a header that is no JSON');
  }
}

interface ArrayMark {
  readonly array: 'f32' | 'i32';
  readonly from: number;
  readonly length: number;
}

const isArray = (value: unknown): value is ArrayMark =>
  isObject(value) && (value.array === 'f32' || value.array === 'i32') && Number.isInteger(value.from) && Number.isInteger(value.length);

function arrayAt(view: DataView, start: number, { array, from, length }: ArrayMark): Float32Array | Int32Array {
  const at = start + from;
  if (from < 0 || length < 0 || at + 4 * length > view.byteLength)
    throw damaged(`an array that ends at byte ${at + 4 * length} of ${view.byteLength}`);
  return array === 'f32'
    ? Float32Array.from({ length }, (_, i) => view.getFloat32(at + 4 * i, true))
    : Int32Array.from({ length }, (_, i) => view.getInt32(at + 4 * i, true));
}

const damaged = (got: string): SsmError =>
  new SsmError({
    code: 'FILE',
    what: 'parseTrace: this is no trace.',
    expected: 'bytes that serializeTrace wrote',
    got,
    fix: 'get the file again',
  });
