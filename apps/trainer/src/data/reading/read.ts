import type { DataFile } from '../finding/data-file';
import { fileBytes } from './bytes';
import { jsonLinePieces } from './json-lines';
import { parquetPieces } from './parquet';
import type { Piece, ReadOptions } from './piece';
import { plainTextPieces } from './plain-text';
import { utf8Text } from './utf8';

/** What reading some files has come to. */
export interface ReadCounts {
  /** Bytes on the disk. */
  bytes: number;
  documents: number;
  characters: number;
  skippedLines: number;
  /** Why the first line was left out. */
  firstSkip?: Error;
}

export interface ReadingOptions extends Omit<ReadOptions, 'onRead' | 'onSkip'> {
  readonly onProgress: (file: DataFile, counts: ReadCounts) => void;
}

/** The texts of files, one after the other; `counts` is kept up to date. @throws SsmError FILE */
export async function* readPieces(files: readonly DataFile[], counts: ReadCounts, options: ReadingOptions): AsyncGenerator<Piece> {
  for (const file of files) {
    const before = counts.bytes;
    const read: ReadOptions = {
      ...options,
      onRead: (bytes) => {
        counts.bytes = before + bytes;
        options.onProgress(file, counts);
      },
      onSkip: (reason) => {
        counts.skippedLines++;
        counts.firstSkip ??= reason;
      },
    };
    for await (const piece of piecesOf(file, read)) {
      if (piece.isFirst) counts.documents++;
      counts.characters += piece.text.length;
      yield piece;
    }
    counts.bytes = before + file.sizeBytes;
  }
}

function piecesOf(file: DataFile, options: ReadOptions): AsyncIterable<Piece> {
  if (file.format === 'parquet') return parquetPieces(file, options);
  const bytes = fileBytes(file, options.onRead, options.signal);
  return file.format === 'jsonl' ? jsonLinePieces(bytes, file.name, options) : plainTextPieces(utf8Text(bytes, file.name));
}

export const noCounts = (): ReadCounts => ({ bytes: 0, documents: 0, characters: 0, skippedLines: 0 });
