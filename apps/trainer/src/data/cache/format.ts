/**
 * The file of tokens: a header of 4096 bytes, the tokens (uint16 or uint32), the first position of each document (float64),
 * and a CRC-32 of each page of tokens (uint32), all little-endian. DATA.md describes it for readers in other languages.
 */
import { crc32 } from 'node:zlib';

export const HEADER_BYTES = 4096;
/** The part of the tokens that is read, checked and kept at once. */
export const PAGE_BYTES = 65_536;
const MAGIC = 'SSMTOKEN';
const VERSION = 1;

/** What the header says, as JSON. */
export interface TokenHeader {
  readonly version: number;
  /** Of the data and the tokenizer. */
  readonly fingerprint: string;
  readonly bytesPerToken: 2 | 4;
  readonly tokens: number;
  readonly documents: number;
  readonly pageBytes: number;
  /** The id with which each document begins, if there is one. */
  readonly separator: number | null;
  readonly vocabSize: number;
  /** CRC-32 of the document starts and of the list of the pages' CRC-32. */
  readonly startsCrc: number;
  readonly pagesCrc: number;
  readonly characters: number;
  readonly skippedLines: number;
}

export type TokenArray = Uint16Array | Uint32Array;

export const pagesOf = ({ tokens, bytesPerToken }: TokenHeader): number => Math.ceil((tokens * bytesPerToken) / PAGE_BYTES);
export const startsOffset = ({ tokens, bytesPerToken }: TokenHeader): number => HEADER_BYTES + tokens * bytesPerToken;
export const pagesOffset = (header: TokenHeader): number => startsOffset(header) + header.documents * 8;
export const fileBytes = (header: TokenHeader): number => pagesOffset(header) + pagesOf(header) * 4;

/** The bytes of a typed array, not a copy. */
export const bytesOf = (array: TokenArray | Float64Array): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

export function headerBytes(header: Omit<TokenHeader, 'version' | 'pageBytes'>): Uint8Array {
  const json = Buffer.from(JSON.stringify({ version: VERSION, pageBytes: PAGE_BYTES, ...header }));
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write(MAGIC, 'latin1');
  bytes.writeUInt32LE(json.length, 8);
  bytes.writeUInt32LE(crc32(json), 12);
  json.copy(bytes, 16);
  return bytes;
}

/** Undefined where the bytes are no header of this version, or not whole. */
export function readHeader(bytes: Buffer): TokenHeader | undefined {
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, 8) !== MAGIC) return undefined;
  const length = bytes.readUInt32LE(8);
  if (length > HEADER_BYTES - 16) return undefined;
  const json = bytes.subarray(16, 16 + length);
  if (crc32(json) !== bytes.readUInt32LE(12)) return undefined;
  const header = JSON.parse(json.toString('utf8')) as TokenHeader;
  return header.version === VERSION && header.pageBytes === PAGE_BYTES ? header : undefined;
}
