/** The wire format of protocol buffers (protobuf.dev/programming-guides/encoding), as far as event files need it. */

/** A piece of a message: bytes, or pieces in a row. */
export type Piece = Uint8Array | readonly Piece[];

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

const utf8 = new TextEncoder();

/** An integer ≥ 0, up to 2^53. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return Uint8Array.of(...bytes, rest);
}

const key = (field: number, wireType: number): Uint8Array => varint(field * 8 + wireType);

export const integer = (field: number, value: number): Piece => [key(field, VARINT), varint(value)];

export const double = (field: number, value: number): Piece => [key(field, FIXED64), float64s([value])];

export const float = (field: number, value: number): Piece => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return [key(field, FIXED32), bytes];
};

/** A nested message, or plain bytes. */
export const message = (field: number, ...pieces: Piece[]): Piece => {
  const bytes = join(pieces);
  return [key(field, LENGTH_DELIMITED), varint(bytes.length), bytes];
};

export const string = (field: number, text: string): Piece => message(field, utf8.encode(text));

/** repeated double, packed. */
export const doubles = (field: number, values: readonly number[]): Piece => message(field, float64s(values));

function float64s(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setFloat64(i * 8, value, true);
  return bytes;
}

const flatten = (piece: Piece): readonly Uint8Array[] => (piece instanceof Uint8Array ? [piece] : piece.flatMap(flatten));

export function join(piece: Piece): Uint8Array {
  const parts = flatten(piece);
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
