/** The documents of a task, read from files as `densessm train` reads them. */
import { dataError } from '../../data/errors';
import type { DataFile } from '../../data/finding/data-file';
import { readRecords, requireRecords, withDataFiles } from '../../data/once';
import { noCounts, readPieces } from '../../data/reading/read';
import { MOST_CHARACTERS, requireHoldable, tooLong } from '../../input/read-text';
import { Interrupted, type Io } from '../../io';
import { hubOptions, type OpenModelOptions } from '../../model/open-model';

export interface ReadingFlags extends Pick<OpenModelOptions, 'offline'> {
  readonly field?: string;
  readonly skipBadLines?: boolean;
  /** Documents that are kept, the first ones. */
  readonly limit?: number;
}

export interface Documents<T = unknown> {
  /** Those to measure. */
  readonly used: readonly T[];
  /** How many there are in all. */
  readonly original: number;
  readonly skippedLines: number;
}

const SHORTER = 'measure a part of it: --limit, or head -c 100M FILE | densessm eval MODEL --perplexity -';

/**
 * The texts of a source: of JSON lines and Parquet the field of each line or row, of plain text what stands between its borders.
 * @param from whether plain text will do
 * @throws SsmError FILE where there is none, or too much to be held
 */
export function readTexts(io: Io, source: string, flags: ReadingFlags, from: 'any' | 'records' = 'any'): Promise<Documents<string>> {
  return reading(io, source, flags, async (files) => {
    if (from === 'records') for (const file of files) requireRecords(file);
    const { field = 'text', skipBadLines = false, limit = Number.POSITIVE_INFINITY } = flags;
    const plain = files.filter(({ format, isGzipped }) => format === 'text' && !isGzipped);
    if (limit === Number.POSITIVE_INFINITY) for (const { name, sizeBytes } of plain) requireHoldable(name, sizeBytes, SHORTER);
    const counts = noCounts();
    const used: string[] = [];
    let characters = 0;
    for await (const { text, isFirst } of readPieces(files, counts, {
      field,
      skipBadLines,
      signal: io.signal,
      onProgress: () => undefined,
    })) {
      if (counts.documents > limit) continue;
      characters += text.length;
      if (characters > MOST_CHARACTERS) throw tooLong(source, 'more', SHORTER);
      if (isFirst) used.push(text);
      else used.push(`${used.pop() ?? ''}${text}`);
    }
    return { used, original: counts.documents, skippedLines: counts.skippedLines };
  });
}

/**
 * The records of a source: JSON lines, or rows of Parquet with some columns.
 * @throws SsmError FILE where there is none
 */
export function readObjects(io: Io, source: string, columns: readonly string[], flags: ReadingFlags): Promise<Documents> {
  return reading(io, source, flags, async (files) => {
    const { skipBadLines = false, limit = Number.POSITIVE_INFINITY } = flags;
    const used: unknown[] = [];
    let [original, skippedLines] = [0, 0];
    for await (const record of readRecords(files, columns, { skipBadLines, signal: io.signal, onSkip: () => skippedLines++ })) {
      original++;
      if (used.length < limit) used.push(record);
    }
    return { used, original, skippedLines };
  });
}

async function reading<T>(
  io: Io,
  source: string,
  flags: ReadingFlags,
  read: (files: DataFile[]) => Promise<Documents<T>>,
): Promise<Documents<T>> {
  try {
    const found = await withDataFiles(io, [source], 'heldOut', hubOptions({ offline: flags.offline }), read);
    if (found.original > 0) return found;
  } catch (error) {
    if (io.signal.aborted) throw new Interrupted('stopped; nothing was written.');
    throw error;
  }
  throw dataError(`${source} holds no documents.`, 'text', 'none', 'check the file and the field that holds the text');
}
