import { isUtf8 } from 'node:buffer';
import { open } from 'node:fs/promises';
import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetReadObjects, parquetSchema, type SchemaTree } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { dataError } from '../errors';
import type { DataFile } from '../finding/data-file';
import { missingField, textFields, valueAt } from './fields';
import { checkPages } from './parquet-pages';
import type { Piece, ReadOptions } from './piece';
import { asBuffer, notUtf8 } from './utf8';

type Row = Readonly<Record<string, unknown>>;

/**
 * Each row's text is a document. One group of rows is in memory at a time, of it the column with the text.
 * @throws SsmError FILE where it is no Parquet or lacks the column
 */
export async function* parquetPieces(file: DataFile, options: ReadOptions): AsyncGenerator<Piece> {
  const { field } = options;
  for await (const { row, where } of parquetRows(file, (schema) => [columnOf(file, schema, field)], options)) {
    const text = valueAt(row, field);
    if (typeof text === 'string') {
      if (text) yield { text, isFirst: true };
      continue;
    }
    const error = missingField({ where, field, value: text ?? null, fields: Object.keys(row), candidates: textFields(row) });
    if (!options.skipBadLines) throw error;
    options.onSkip(error);
  }
}

/**
 * The rows of some columns, one group of rows after the other.
 * @param columnsOf chooses them
 * @throws SsmError FILE where it is no Parquet
 */
export async function* parquetRows(
  file: DataFile,
  columnsOf: (schema: SchemaTree) => string[],
  { signal, onRead }: Pick<ReadOptions, 'signal' | 'onRead'>,
): AsyncGenerator<{ row: Row; where: string }> {
  const handle = await open(file.path, 'r');
  const buffer: AsyncBuffer = {
    byteLength: file.sizeBytes,
    slice: async (start, end = file.sizeBytes) => {
      if (!(start >= 0 && start <= end && end <= file.sizeBytes))
        throw new Error(`it points at bytes ${start} to ${end}, which it does not have`);
      const bytes = new Uint8Array(end - start);
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
      if (bytesRead < bytes.length) throw new Error(`the file ends at byte ${start + bytesRead}`);
      return bytes.buffer;
    },
  };
  try {
    const [metadata, columns] = await readable(file, async () => {
      const all = await parquetMetadataAsync(buffer);
      return [all, columnsOf(parquetSchema(all))] as const;
    });
    let row = 0;
    for (const group of metadata.row_groups) {
      signal?.throwIfAborted();
      const end = row + Number(group.num_rows);
      const rows = await readable(file, async () => {
        await checkPages(buffer, metadata, group, columns);
        return readRows(file, buffer, metadata, columns, row, end);
      });
      for (const [i, one] of rows.entries()) yield { row: one, where: `${file.name}, row ${row + i}` };
      row = end;
      onRead(Math.floor((file.sizeBytes * row) / Math.max(1, Number(metadata.num_rows))));
    }
  } finally {
    await handle.close();
  }
}

function readRows(
  file: DataFile,
  buffer: AsyncBuffer,
  metadata: FileMetaData,
  columns: string[],
  rowStart: number,
  rowEnd: number,
): Promise<Row[]> {
  const stringFromBytes = (bytes: Uint8Array | undefined): string | undefined => {
    if (bytes && !isUtf8(bytes)) throw notUtf8(`${file.name}, rows ${rowStart} to ${rowEnd},`, 0, asBuffer(bytes));
    return bytes && asBuffer(bytes).toString('utf8');
  };
  return parquetReadObjects({ file: buffer, metadata, columns, rowStart, rowEnd, compressors, parsers: { stringFromBytes } });
}

/** The column in which a field lies. @throws SsmError FILE */
function columnOf({ name }: DataFile, schema: SchemaTree, field: string): string {
  const columns = schema.children.map(({ element }) => element.name);
  const [outer = ''] = field.split('.');
  const column = columns.includes(field) ? field : columns.find((one) => one === outer);
  if (column !== undefined) return column;
  throw missingField({ where: name, field, value: undefined, fields: columns, candidates: textColumns(schema) });
}

/** Columns of text, those within columns by their paths. */
const textColumns = ({ children }: SchemaTree): string[] =>
  children.flatMap((child) => {
    const { converted_type, logical_type, repetition_type } = child.element;
    if (child.children.length > 0) return repetition_type === 'REPEATED' || converted_type === 'LIST' ? [] : textColumns(child);
    return converted_type === 'UTF8' || logical_type?.type === 'STRING' ? [child.path.join('.')] : [];
  });

/** Runs a part of the library; what it throws is an error of the file. */
async function readable<T>(file: DataFile, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'SsmError') throw cause;
    const isOurs = cause instanceof Error && !(cause instanceof TypeError || cause instanceof RangeError);
    const got = isOurs ? cause.message : 'sizes or names in it that do not fit together';
    throw dataError(`${file.name} cannot be read as Parquet.`, 'a whole Parquet file', got, 'download or write it again', cause);
  }
}
