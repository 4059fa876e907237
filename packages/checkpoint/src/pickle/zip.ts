/**
 * The part of the zip format that `torch.save` writes: entries that are stored, not compressed, with the 64-bit fields
 * of large files. Source: PKWARE APPNOTE 6.3.10, sections 4.3 (records) and 4.5.3 (zip64).
 */
import { shorten } from '../json';
import { type ByteSource, readExactly } from '../safetensors';
import { brokenFile as bad } from './values';

export interface ZipEntry {
  readonly name: string;
  /** Where its local header begins. */
  readonly headerOffset: number;
  /** Its bytes in the file. */
  readonly size: number;
  /** How it is compressed; 0 is not at all. */
  readonly method: number;
  /** CRC-32 of its bytes, as the directory says. */
  readonly crc: number;
}

export interface ZipFile {
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** Where an entry's bytes begin. @throws SsmError FILE where it is compressed or its own header is not where the directory says */
  dataOffset(entry: ZipEntry): Promise<number>;
}

/** The directory of a zip file: where it lies and how much it lists. */
interface Directory {
  readonly offset: number;
  readonly size: number;
  readonly count: number;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const [LOCAL_BYTES, CENTRAL_BYTES, END_BYTES, END_64_BYTES, LOCATOR_64_BYTES] = [30, 46, 22, 56, 20];
const MAX_COMMENT = 0xffff;
/** A checkpoint of 100,000 tensors lists them in 10 MB. */
const MAX_DIRECTORY_BYTES = 2 ** 25;
const ENCRYPTED = 1;
const STORED = 0;
const ZIP64_FIELD = 1;

/**
 * Reads the directory; no entry's bytes are read, and nothing is allocated from a number in the file beyond the directory.
 * @throws SsmError FILE where entries overlap, leave the file, occur twice or are encrypted
 */
export async function readZip(where: string, source: ByteSource): Promise<ZipFile> {
  const directory = await findDirectory(where, source);
  const bytes = await readExactly(where, source, directory.offset, directory.size);
  const entries = parseDirectory(where, bytes, directory);
  requireApart(where, [...entries.values()], directory.offset);
  return { entries, dataOffset: (entry) => findData(where, source, entry, directory.offset) };
}

/** From the end of the file: the end record, in front of which a zip64 locator may point to a wider one. */
async function findDirectory(where: string, source: ByteSource): Promise<Directory> {
  const length = Math.min(source.size, END_BYTES + MAX_COMMENT + LOCATOR_64_BYTES);
  const start = source.size - length;
  const tail = viewOf(await readExactly(where, source, start, length));
  let at = length - END_BYTES;
  while (at >= 0 && !(tail.getUint32(at, true) === END && at + END_BYTES + tail.getUint16(at + 20, true) === length)) at--;
  if (at < 0) throw bad(where, 'the zip file has no end.', 'an end record in the last 64 KiB', `${source.size} bytes without one`);
  const short = { count: tail.getUint16(at + 10, true), size: tail.getUint32(at + 12, true), offset: tail.getUint32(at + 16, true) };
  const locator = at - LOCATOR_64_BYTES;
  const isWide = locator >= 0 && tail.getUint32(locator, true) === LOCATOR_64;
  const end = isWide ? uint64(tail, locator + 8) : start + at;
  const directory = isWide ? await readEnd64(where, source, end, start + locator) : short;
  const { size, offset, count } = directory;
  if (offset + size > end || count * CENTRAL_BYTES > size || size > MAX_DIRECTORY_BYTES) {
    const expected = `a directory in front of byte ${end}, of at most ${MAX_DIRECTORY_BYTES} bytes`;
    throw bad(where, "the zip file's directory is not where it should be.", expected, JSON.stringify(directory));
  }
  return directory;
}

async function readEnd64(where: string, source: ByteSource, at: number, before: number): Promise<Directory> {
  const expected = `a zip64 end record in front of byte ${before}`;
  if (at + END_64_BYTES > before) throw bad(where, 'the zip64 locator points nowhere.', expected, `${at}`);
  const record = viewOf(await readExactly(where, source, at, END_64_BYTES));
  if (record.getUint32(0, true) !== END_64) throw bad(where, 'the zip64 locator points nowhere.', expected, 'other bytes');
  return { count: uint64(record, 32), size: uint64(record, 40), offset: uint64(record, 48) };
}

function parseDirectory(where: string, bytes: Uint8Array, { count, offset }: Directory): Map<string, ZipEntry> {
  const view = viewOf(bytes);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    const left = bytes.length - at;
    const lengths = left >= CENTRAL_BYTES ? [28, 30, 32].map((field) => view.getUint16(at + field, true)) : [];
    const [nameLength = 0, extraLength = 0, commentLength = 0] = lengths;
    const length = CENTRAL_BYTES + nameLength + extraLength + commentLength;
    if (left < length || view.getUint32(at, true) !== CENTRAL)
      throw bad(where, `entry ${i} of the zip directory is broken.`, `${count} entries`, `${i}`);
    const nameAt = at + CENTRAL_BYTES;
    const name = decodeName(where, bytes.subarray(nameAt, nameAt + nameLength));
    const extraAt = nameAt + nameLength;
    const entry = parseEntry(where, name, viewOf(bytes.subarray(at, nameAt)), viewOf(bytes.subarray(extraAt, extraAt + extraLength)));
    if (entries.has(name)) throw bad(where, `the zip file has ${title(name)} twice.`, 'each name once', 'two entries');
    if (entry.headerOffset + LOCAL_BYTES + nameLength + entry.size > offset)
      throw bad(where, `${title(name)} leaves the zip file.`, `an end before byte ${offset}`, JSON.stringify(entry));
    entries.set(name, entry);
    at += length;
  }
  return entries;
}

function parseEntry(where: string, name: string, record: DataView, extra: DataView): ZipEntry {
  if (record.getUint16(8, true) & ENCRYPTED) throw bad(where, `${title(name)} is encrypted.`, 'an open file', 'an encrypted one');
  const method = record.getUint16(10, true);
  const wide = wideFields(extra);
  const field = (at: number): number => {
    const value = record.getUint32(at, true);
    return value === 0xffffffff ? (wide.shift() ?? Number.NaN) : value;
  };
  const unpacked = field(24); // the order of the zip64 field: size, compressed size, offset
  const size = field(20);
  const headerOffset = field(42);
  const isSound = Number.isSafeInteger(size) && Number.isSafeInteger(headerOffset) && (method !== STORED || size === unpacked);
  if (isSound) return { name, size, headerOffset, method, crc: record.getUint32(16, true) };
  throw bad(where, `${title(name)} has two sizes, or none.`, 'one size and one place', JSON.stringify({ unpacked, size, headerOffset }));
}

/** The numbers of the zip64 extra field, in order. */
function wideFields(extra: DataView): number[] {
  for (let at = 0; at + 4 <= extra.byteLength; at += 4 + extra.getUint16(at + 2, true)) {
    const end = Math.min(extra.byteLength, at + 4 + extra.getUint16(at + 2, true));
    if (extra.getUint16(at, true) !== ZIP64_FIELD) continue;
    return Array.from({ length: Math.floor((end - at - 4) / 8) }, (_, i) => uint64(extra, at + 4 + 8 * i));
  }
  return [];
}

/** Two entries that share bytes are no file that a program wrote by itself. */
function requireApart(where: string, entries: readonly ZipEntry[], end: number): void {
  const inOrder = [...entries].sort((a, b) => a.headerOffset - b.headerOffset);
  for (const [i, { name, headerOffset, size }] of inOrder.entries()) {
    const next = inOrder[i + 1]?.headerOffset ?? end;
    if (headerOffset + LOCAL_BYTES + size > next)
      throw bad(where, `${title(name)} overlaps the entry behind it.`, `an end before byte ${next}`, `${size} bytes`);
  }
}

async function findData(where: string, source: ByteSource, entry: ZipEntry, end: number): Promise<number> {
  if (entry.method !== STORED) {
    const got = `zip method ${entry.method}`;
    throw bad(where, `${title(entry.name)} is compressed.`, 'entries that are stored, as torch.save writes them', got);
  }
  const header = viewOf(await readExactly(where, source, entry.headerOffset, LOCAL_BYTES));
  const offset = entry.headerOffset + LOCAL_BYTES + header.getUint16(26, true) + header.getUint16(28, true);
  if (header.getUint32(0, true) === LOCAL && offset + entry.size <= end) return offset;
  throw bad(where, `${title(entry.name)} does not begin where the directory says.`, 'the header of a zip entry', 'other bytes');
}

function decodeName(where: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw bad(where, 'a name in the zip file is not UTF-8.', 'text', 'other bytes');
  }
}

/** Beyond 2^53 it is no longer exact, and beyond the end of every file. */
const uint64 = (view: DataView, at: number): number => Number(view.getBigUint64(at, true));
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const title = (name: string): string => shorten(JSON.stringify(name));
