/** Bounds on what a damaged Parquet file can make its reader allocate, checked before it reads. */
import type { AsyncBuffer, FileMetaData, PageHeader, RowGroup } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { getSchemaPath } from 'hyparquet/src/schema.js';
import { checkRuns, levelsOf } from './parquet-runs';

/** Of a page when it is unpacked: writers make them of a megabyte or so. */
const MAX_PAGE_BYTES = 2 ** 29;
/** Of a group of rows: writers make them of up to some millions. */
const MAX_ROWS = 2 ** 26;
/** Of a column in a group of rows, whatever its size; beyond them a value takes some bits, which no text packs into less. */
const FEW_VALUES = 2 ** 22;
const VALUES_PER_BYTE = 64;
/** Of all pages of a column in a group of rows when they are unpacked. */
const MAX_COLUMN_BYTES = 2 ** 31;

/**
 * Walks through the headers of the pages of some columns, which say how much is to be allocated for each.
 * @throws Error for a number that no whole file has
 */
export async function checkPages(
  buffer: AsyncBuffer,
  { schema }: FileMetaData,
  { columns: chunks, num_rows }: RowGroup,
  columns: readonly string[],
): Promise<void> {
  if (num_rows < 0n || num_rows > MAX_ROWS) throw new Error(`a group of ${num_rows} rows`);
  for (const { meta_data } of chunks) {
    if (meta_data === undefined || !columns.includes(meta_data.path_in_schema[0] ?? '')) continue;
    const { dictionary_page_offset, data_page_offset, total_compressed_size, num_values } = meta_data;
    const isDictionaryFirst =
      dictionary_page_offset !== undefined && dictionary_page_offset > 0n && dictionary_page_offset < data_page_offset;
    const start = Number(isDictionaryFirst ? dictionary_page_offset : data_page_offset);
    const bytes = await buffer.slice(start, start + Number(total_compressed_size));
    if (num_values < 0n || num_values > Math.min(MAX_ROWS, FEW_VALUES + VALUES_PER_BYTE * bytes.byteLength))
      throw new Error(`a column of ${num_values} values in ${bytes.byteLength} bytes`);
    const levels = levelsOf(getSchemaPath(schema, meta_data.path_in_schema));
    let unpacked = 0;
    const reader = { view: new DataView(bytes), offset: 0 };
    while (reader.offset < bytes.byteLength - 1) {
      const header = parquetHeader(reader);
      checkPage(header, Number(num_values), bytes.byteLength - reader.offset);
      unpacked += header.uncompressed_page_size;
      if (unpacked > MAX_COLUMN_BYTES) throw new Error(`a column that unpacks to ${unpacked} bytes`);
      checkRuns(new Uint8Array(bytes, reader.offset, header.compressed_page_size), header, levels, meta_data.codec);
      reader.offset += header.compressed_page_size;
    }
  }
}

function checkPage(header: PageHeader, valuesOfChunk: number, bytesLeft: number): void {
  const { compressed_page_size: packed, uncompressed_page_size: unpacked } = header;
  if (!(packed >= 0 && packed <= bytesLeft)) throw new Error(`a page of ${packed} bytes where there are ${bytesLeft}`);
  if (!(unpacked >= 0 && unpacked <= MAX_PAGE_BYTES)) throw new Error(`a page that unpacks to ${unpacked} bytes`);
  const values = header.data_page_header?.num_values ?? header.data_page_header_v2?.num_values ?? 0;
  if (!(values >= 0 && values <= valuesOfChunk)) throw new Error(`a page of ${values} values in a column of ${valuesOfChunk}`);
  const words = header.dictionary_page_header?.num_values ?? 0;
  if (!(words >= 0 && words <= Math.max(1, unpacked))) throw new Error(`a dictionary of ${words} values in ${unpacked} bytes`);
}
