/**
 * Runs of the hybrid of run lengths and packed bits, in which Parquet writes levels and indexes of dictionaries: a few bytes may stand for
 * two thousand million values, which the reader would write out. https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE
 */
import type { ColumnMetaData, PageHeader, SchemaTree } from 'hyparquet';
import { decompressPage } from 'hyparquet/src/datapage.js';
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from 'hyparquet/src/schema.js';
import { compressors } from 'hyparquet-compressors';

/** Levels of a column: how often its fields repeat, and how many of them may be absent. */
export interface Levels {
  readonly repetition: number;
  readonly definition: number;
}

export const levelsOf = (path: SchemaTree[]): Levels => ({
  repetition: getMaxRepetitionLevel(path),
  definition: getMaxDefinitionLevel(path),
});

/**
 * Adds up the runs of a page of data.
 * @param packed its bytes, as they lie in the file
 * @throws Error where one is longer than the page has values
 */
export function checkRuns(packed: Uint8Array, header: PageHeader, levels: Levels, codec: ColumnMetaData['codec']): void {
  const { data_page_header: first, data_page_header_v2: second, uncompressed_page_size: size } = header;
  if (second !== undefined) checkSecond(packed, second, size, levels, codec);
  if (first === undefined) return;
  const page = decompressPage(packed, size, codec, compressors);
  let offset = 0;
  for (const level of [levels.repetition, levels.definition]) {
    if (level === 0) continue;
    const length = viewOf(page).getUint32(offset, true);
    addUp(page.subarray(offset + 4, offset + 4 + length), widthOf(level), first.num_values);
    offset += 4 + length;
  }
  checkIndexes(page.subarray(offset), first.encoding, first.num_values);
}

/** Pages of the second kind: levels are never packed, and their lengths stand in the header. */
function checkSecond(
  packed: Uint8Array,
  header: NonNullable<PageHeader['data_page_header_v2']>,
  size: number,
  levels: Levels,
  codec: ColumnMetaData['codec'],
): void {
  const { repetition_levels_byte_length: repetition, definition_levels_byte_length: definition, num_values: values } = header;
  if (levels.repetition > 0) addUp(packed.subarray(0, repetition), widthOf(levels.repetition), values);
  if (levels.definition > 0) addUp(packed.subarray(repetition, repetition + definition), widthOf(levels.definition), values);
  const rest = packed.subarray(repetition + definition);
  const page = header.is_compressed === false ? rest : decompressPage(rest, size - repetition - definition, codec, compressors);
  checkIndexes(page, header.encoding, values);
}

function checkIndexes(page: Uint8Array, encoding: string, values: number): void {
  if (encoding.endsWith('_DICTIONARY') && page.length > 0) addUp(page.subarray(1), page[0] as number, values);
  if (encoding === 'RLE') addUp(page.subarray(4), 1, values); // truth values, behind their length
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView => new DataView(buffer, byteOffset, byteLength);
const widthOf = (level: number): number => 32 - Math.clz32(level);

/** Reads the headers of runs until there are enough values. The last one may be longer by what fills its bytes, not by more than the page. */
function addUp(bytes: Uint8Array, width: number, values: number): void {
  if (width === 0) return;
  let [seen, at] = [0, 0];
  while (seen < values && at < bytes.length) {
    const [header, length] = varint(bytes, at);
    at += length;
    const isPacked = header % 2 === 1;
    const count = isPacked ? 8 * Math.floor(header / 2) : Math.floor(header / 2);
    if (count > values + 512) throw new Error(`a run of ${count} values in a page of ${values}`);
    at += isPacked ? (count / 8) * width : Math.ceil(width / 8);
    seen += count;
  }
}

/** The number at a place, seven bits in a byte, and how many bytes it takes. */
function varint(bytes: Uint8Array, start: number): [value: number, length: number] {
  let value = 0;
  for (let i = 0; i < 6; i++) {
    const byte = bytes[start + i] ?? 0;
    value += (byte % 128) * 2 ** (7 * i);
    if (byte < 128) return [value, i + 1];
  }
  return [value, 6];
}
