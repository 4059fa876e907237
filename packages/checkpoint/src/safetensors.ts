import { type ArrayTensor, BYTES_PER_ELEMENT, type StoredTensor, tensorValues } from './dtypes';
import { fileError, headerLength, LENGTH_BYTES, parseHeader, type SafetensorsHeader, type TensorEntry } from './header';

/** Bytes that can be read in pieces: a file on disk, a blob, a range of a download. */
export interface ByteSource {
  readonly size: number;
  /** Exactly `length` bytes from `offset`; only called inside [0, size]. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Named tensors, wherever they lie: what params are loaded from and files are written from. */
export interface TensorSource {
  readonly tensors: ReadonlyMap<string, Pick<TensorEntry, 'dtype' | 'shape'>>;
  read(name: string): Promise<StoredTensor>;
  /** The bytes of `count` elements from element `first`, row-major, where the source can give fewer than all. */
  readPart?(name: string, first: number, count: number): Promise<Uint8Array>;
}

/** A safetensors file of which only the header has been read. */
export interface SafetensorsReader extends SafetensorsHeader, Required<TensorSource> {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** A safetensors file in memory; each tensor's bytes are a view into it. */
export interface SafetensorsFile extends SafetensorsHeader, TensorSource {
  readonly tensors: ReadonlyMap<string, TensorEntry & StoredTensor>;
}

/**
 * Reads a whole safetensors file. `where` names it in errors.
 * @throws SsmError FILE where the file is not what its header claims.
 */
export function parseSafetensors(file: Uint8Array, where = 'parseSafetensors'): SafetensorsFile {
  const length = headerLength(where, file.subarray(0, LENGTH_BYTES), file.length);
  const header = parseHeader(where, file.subarray(LENGTH_BYTES, LENGTH_BYTES + length), file.length);
  const tensors = new Map<string, TensorEntry & StoredTensor>();
  for (const [name, entry] of header.tensors)
    tensors.set(name, { ...entry, bytes: file.subarray(entry.offset, entry.offset + entry.byteLength) });
  return { tensors, metadata: header.metadata, read: async (name) => entryOf(where, tensors, name) };
}

/**
 * Reads the header only; `read` then fetches one tensor at a time.
 * @throws SsmError FILE where the header is broken or the source gives fewer bytes than asked for.
 */
export async function openSafetensors(source: ByteSource, where = 'openSafetensors'): Promise<SafetensorsReader> {
  const start = await readExactly(where, source, 0, Math.min(LENGTH_BYTES, source.size));
  const length = headerLength(where, start, source.size);
  const { tensors, metadata } = parseHeader(where, await readExactly(where, source, LENGTH_BYTES, length), source.size);
  const read = async (name: string): Promise<StoredTensor> => {
    const entry = entryOf(where, tensors, name);
    return { ...entry, bytes: await readExactly(where, source, entry.offset, entry.byteLength) };
  };
  const readPart = async (name: string, first: number, count: number): Promise<Uint8Array> => {
    const { dtype, offset } = entryOf(where, tensors, name);
    const width = BYTES_PER_ELEMENT[dtype];
    return readExactly(where, source, offset + first * width, count * width);
  };
  return { tensors, metadata, read, readPart };
}

/** The values of every tensor of a file, see {@link tensorValues}. */
export function readTensors(file: SafetensorsFile): Map<string, ArrayTensor> {
  return new Map([...file.tensors].map(([name, stored]) => [name, arrayTensor(name, stored)]));
}

/** @throws SsmError as {@link tensorValues} */
export const arrayTensor = (name: string, stored: StoredTensor): ArrayTensor => ({
  dtype: stored.dtype,
  shape: stored.shape,
  values: tensorValues(name, stored),
});

export async function readExactly(where: string, source: ByteSource, offset: number, length: number): Promise<Uint8Array> {
  const bytes = await source.read(offset, length);
  if (bytes.length === length) return bytes;
  throw fileError(where, 'the source gave another number of bytes.', `${length} bytes from ${offset}`, `${bytes.length} bytes`);
}

export function entryOf<Entry>(where: string, tensors: ReadonlyMap<string, Entry>, name: string): Entry {
  const entry = tensors.get(name);
  if (entry !== undefined) return entry;
  const names = [...tensors.keys()].slice(0, 5).join(', ');
  throw fileError(where, `there is no tensor \`${name}\`.`, `one of ${tensors.size}: ${names} …`, name);
}
