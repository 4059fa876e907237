import { TokenizerError } from '../errors';

/** A field of a protocol buffer message as it is on the wire: a number, or bytes (text, a message, a list). */
export interface Field {
  number: number;
  value: number | Uint8Array;
}

/**
 * The fields of a message, in the order of the file. Numbers that are longer than 53 bits lose their low ones; negative
 * ones come as such.
 * @throws TokenizerError FILE where the bytes are no message
 */
export function* readFields(bytes: Uint8Array): Generator<Field> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const cursor = { at: 0 };
  while (cursor.at < bytes.length) {
    const tag = readVarint(bytes, cursor);
    const number = Math.floor(tag / 8);
    if (number === 0) throw broken('a field has the number 0');
    yield { number, value: readValue(tag % 8, bytes, view, cursor) };
  }
}

function readValue(wireType: number, bytes: Uint8Array, view: DataView, cursor: { at: number }): number | Uint8Array {
  if (wireType === VARINT) return readVarint(bytes, cursor);
  if (wireType !== BYTES && wireType !== FIXED32 && wireType !== FIXED64) throw broken(`a field of wire type ${wireType}`);
  const length = wireType === BYTES ? readVarint(bytes, cursor) : wireType === FIXED32 ? 4 : 8;
  const start = cursor.at;
  if (!(length >= 0) || start + length > bytes.length) throw broken(`a field of ${length} bytes where ${bytes.length - start} are left`);
  cursor.at += length;
  if (wireType === FIXED32) return view.getFloat32(start, true);
  return wireType === FIXED64 ? view.getFloat64(start, true) : bytes.subarray(start, start + length);
}

/** Wire types of the encoding; the fixed ones hold floating-point numbers in the messages that are read here. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Seven bits a byte, low ones first; negative numbers as 64 bits of two's complement. */
function readVarint(bytes: Uint8Array, cursor: { at: number }): number {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) throw broken('a number without its end');
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return Number(BigInt.asIntN(64, value));
  }
  throw broken('a number of more than ten bytes');
}

export function broken(got: string): TokenizerError {
  return new TokenizerError({
    code: 'FILE',
    what: 'tokenizer.model: the bytes are no SentencePiece model.',
    expected: 'a protocol buffer message with pieces',
    got,
    fix: 'get the file again: it may have been cut short, or be a web page or a Git LFS pointer instead',
  });
}
