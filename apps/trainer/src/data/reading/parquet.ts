import { isUtf8 } from 'node:buffer';
import { open } from 'node:fs/promises';
import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { dataError } from '../errors';
import type { DataFile } from '../finding/data-file';
import { missingField } from './json-lines';
import type { Piece, ReadOptions } from './piece';
import { asBuffer, notUtf8 } from './utf8';

/**
 * Each row's text is a document. One group of rows is in memory at a time, of it the column with the text.
 * @throws SsmError FILE where it is no Parquet or lacks the column
 */
export async function* parquetPieces(file: DataFile, options: ReadOptions): AsyncGenerator<Piece> {
  const handle = await open(file.path, 'r');
  const buffer: AsyncBuffer = {
    byteLength: file.sizeBytes,
    slice: async (start, end = file.sizeBytes) => {
      const bytes = new Uint8Array(end - start);
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
      if (bytesRead < bytes.length) throw new Error(`the file ends at byte ${start + bytesRead}`);
      return bytes.buffer;
    },
  };
  try {
    const metadata = await readable(file, () => parquetMetadataAsync(buffer));
    requireColumn(file, metadata, options.field);
    let row = 0;
    for (const group of metadata.row_groups) {
      options.signal?.throwIfAborted();
      const end = row + Number(group.num_rows);
      yield* texts(await readable(file, () => readRows(file, buffer, metadata, options.field, row, end)), file, row, options);
      row = end;
      options.onRead(Math.floor((file.sizeBytes * row) / Math.max(1, Number(metadata.num_rows))));
    }
  } finally {
    await handle.close();
  }
}

function readRows(
  file: DataFile,
  buffer: AsyncBuffer,
  metadata: FileMetaData,
  field: string,
  rowStart: number,
  rowEnd: number,
): Promise<Record<string, unknown>[]> {
  const stringFromBytes = (bytes: Uint8Array | undefined): string | undefined => {
    if (bytes && !isUtf8(bytes)) throw notUtf8(`${file.name}, rows ${rowStart} to ${rowEnd},`, 0, asBuffer(bytes));
    return bytes && asBuffer(bytes).toString('utf8');
  };
  return parquetReadObjects({ file: buffer, metadata, columns: [field], rowStart, rowEnd, compressors, parsers: { stringFromBytes } });
}

function* texts(rows: readonly Record<string, unknown>[], file: DataFile, first: number, options: ReadOptions): Generator<Piece> {
  for (const [i, row] of rows.entries()) {
    const text = row[options.field];
    if (typeof text === 'string') {
      if (text) yield { text, isFirst: true };
      continue;
    }
    const error = missingField(`${file.name}, row ${first + i}`, options.field, [options.field], text ?? null);
    if (!options.skipBadLines) throw error;
    options.onSkip(error);
  }
}

function requireColumn(file: DataFile, metadata: FileMetaData, field: string): void {
  const columns = parquetSchema(metadata).children.map(({ element }) => element.name);
  if (!columns.includes(field)) throw missingField(file.name, field, columns, undefined);
}

/** Runs a part of the library; what it throws is an error of the file. */
async function readable<T>(file: DataFile, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'SsmError') throw cause;
    const got = cause instanceof Error ? cause.message : String(cause);
    throw dataError(`${file.name} cannot be read as Parquet.`, 'a whole Parquet file', got, 'download or write it again', cause);
  }
}
