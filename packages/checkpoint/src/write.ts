import { SsmError } from '@densessm/ssm-core';
import { type ArrayTensor, BYTES_PER_ELEMENT, type Dtype, dtypeOf } from './dtypes';
import { bytesOf, LENGTH_BYTES } from './header';
import { shorten } from './json';
import type { TensorSource } from './safetensors';

type Metadata = Readonly<Record<string, string>>;
type Shapes = TensorSource['tensors'];

/** What transformers asks a file to say before it reads it. */
const PYTORCH: Metadata = { format: 'pt' };
/** The reference's order of element types: wide ones first, so that every tensor lies aligned. */
const RANK = new Map(Object.keys(BYTES_PER_ELEMENT).map((dtype, rank) => [dtype, rank]));

/**
 * A safetensors file in memory. Float32Array is written as F32, Float64Array as F64, Int32Array as I32. The bytes are
 * those of the reference implementation: tensors by element type, then by name, the header padded with spaces.
 * @throws SsmError WEIGHTS where a shape does not fit its values or a name cannot be written.
 */
export function serializeSafetensors(tensors: ReadonlyMap<string, ArrayTensor>, metadata: Metadata = PYTORCH): Uint8Array {
  const shapes = new Map([...tensors].map(([name, { shape, values }]) => [name, { dtype: dtypeOf(values), shape }]));
  const { header, order } = layOut(shapes, metadata);
  const size = order.reduce((total, { byteLength }) => total + byteLength, header.length);
  const file = new Uint8Array(size);
  file.set(header);
  let at = header.length;
  for (const { name, byteLength } of order) {
    const { values } = tensors.get(name) as ArrayTensor;
    file.set(exactBytes(name, new Uint8Array(values.buffer, values.byteOffset, values.byteLength), byteLength), at);
    at += byteLength;
  }
  return file;
}

/**
 * The same file in pieces, one tensor in memory at a time: the header, then each tensor's bytes.
 * @throws SsmError WEIGHTS as {@link serializeSafetensors}
 */
export async function* safetensorsPieces(source: TensorSource, metadata: Metadata = PYTORCH): AsyncGenerator<Uint8Array> {
  const { header, order } = layOut(source.tensors, metadata);
  yield header;
  for (const { name, byteLength } of order) yield exactBytes(name, (await source.read(name)).bytes, byteLength);
}

/** The header with its length in front, and the order in which the tensors' bytes follow. */
function layOut(shapes: Shapes, metadata: Metadata): { header: Uint8Array; order: { name: string; byteLength: number }[] } {
  const entries: Record<string, unknown>[] = [];
  const order: { name: string; byteLength: number }[] = [];
  let begin = 0;
  for (const [name, { dtype, shape }] of [...shapes].sort(inReferenceOrder)) {
    if (name === '__metadata__' || /\p{Surrogate}/u.test(name))
      throw unwritable(name, 'a name of whole characters, not __metadata__', 'this one');
    const byteLength = bytesOf(shape, dtype);
    if (byteLength === undefined) throw unwritable(name, 'a shape of integers', `[${shape}]`);
    entries.push({ [name]: { dtype, shape, data_offsets: [begin, begin + byteLength] } });
    order.push({ name, byteLength });
    begin += byteLength;
  }
  const sorted = Object.entries(metadata).sort(([a], [b]) => compareText(a, b));
  const parts = sorted.length ? [{ __metadata__: Object.fromEntries(sorted) }, ...entries] : entries;
  const text = `{${parts.map((part) => JSON.stringify(part).slice(1, -1)).join()}}`;
  return { header: framed(new TextEncoder().encode(text)), order };
}

/** The length in eight bytes, the text, and spaces up to a multiple of eight. */
function framed(text: Uint8Array): Uint8Array {
  const length = Math.ceil(text.length / 8) * 8;
  const header = new Uint8Array(LENGTH_BYTES + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(text, LENGTH_BYTES);
  return header;
}

type Named = [name: string, entry: { readonly dtype: Dtype }];

function inReferenceOrder([nameA, a]: Named, [nameB, b]: Named): number {
  return (RANK.get(b.dtype) ?? 0) - (RANK.get(a.dtype) ?? 0) || compareText(nameA, nameB);
}

/** By code point, which is also the order of the UTF-8 bytes; `<` on strings compares UTF-16 units. */
function compareText(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  const at = left.findIndex((character, i) => character !== right[i]);
  if (at < 0) return left.length - right.length;
  return (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? -1);
}

function exactBytes(name: string, bytes: Uint8Array, byteLength: number): Uint8Array {
  if (bytes.length === byteLength) return bytes;
  throw unwritable(name, `${byteLength} bytes, as its shape says`, `${bytes.length} bytes`);
}

const unwritable = (name: string, expected: string, got: string): SsmError =>
  new SsmError({
    code: 'WEIGHTS',
    what: `serializeSafetensors: ${shorten(JSON.stringify(name))} cannot be written.`,
    expected,
    got,
    fix: 'give each tensor a plain name and as many values as its shape says',
  });
