/** Data that a command reads once, found and read as `densessm train` does it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HubOptions } from '@densessm/runtime-node';
import { isObject } from '@densessm/ssm-core/plain';
import type { Io } from '../io';
import { dataError, shown } from './errors';
import type { DataFile } from './finding/data-file';
import { findData } from './finding/find';
import { fileBytes } from './reading/bytes';
import { jsonLineValues } from './reading/json-lines';
import { parquetRows } from './reading/parquet';
import type { ReadOptions } from './reading/piece';

/**
 * Finds the files of some sources and lets `use` read them. What has no file of its own, such as the standard input, has a temporary one
 * until then.
 * @throws SsmError FILE, NETWORK
 */
export async function withDataFiles<T>(
  io: Io,
  sources: readonly string[],
  part: 'train' | 'heldOut',
  hub: HubOptions,
  use: (files: DataFile[]) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'densessm-'));
  try {
    const stdin = io.stdin as AsyncIterable<Uint8Array | string>;
    const around = { cacheDir: folder, cwd: io.cwd, signal: io.signal, stdin, hub, onProgress: () => undefined };
    return await use(await findData(sources, around, part));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A record as it stands in a file: an object of a JSON line, or a row of Parquet, its int64 as numbers. */
export type DataRecord = Readonly<Record<string, unknown>>;

/**
 * The records of files of JSON lines and of Parquet; of Parquet with some columns only.
 * @throws SsmError FILE naming file and line, also for a file of another format
 */
export async function* readRecords(
  files: readonly DataFile[],
  columns: readonly string[],
  options: Pick<ReadOptions, 'skipBadLines' | 'onSkip' | 'signal'>,
): AsyncGenerator<DataRecord> {
  for (const file of files) {
    requireRecords(file);
    if (file.format === 'parquet') yield* parquetRecords(file, columns, options);
    else
      yield* jsonLineValues(
        fileBytes(file, () => undefined, options.signal),
        file.name,
        options,
        recordOf,
      );
  }
}

/** @throws SsmError FILE for plain text */
export function requireRecords({ name, format }: DataFile): void {
  if (format !== 'text') return;
  throw dataError(`${name} holds no records.`, '.jsonl, .ndjson, .json (with .gz or not) or .parquet', 'plain text', 'name another file');
}

function recordOf(value: unknown, where: string): DataRecord {
  if (isObject(value)) return value;
  throw dataError(
    `${where}: this is no JSON object.`,
    'a JSON object',
    shown(value),
    'correct it, or leave such lines out with --skip-bad-lines',
  );
}

async function* parquetRecords(
  file: DataFile,
  columns: readonly string[],
  { signal }: Pick<ReadOptions, 'signal'>,
): AsyncGenerator<DataRecord> {
  const chosen = (there: readonly string[]): string[] => {
    const missing = columns.find((one) => !there.includes(one));
    if (missing === undefined) return [...columns];
    throw dataError(
      `${file.name}: there is no field "${missing}".`,
      `the fields ${columns.join(', ')}`,
      there.join(', '),
      'name another file',
    );
  };
  const options = { signal, onRead: () => undefined };
  for await (const { row } of parquetRows(file, ({ children }) => chosen(children.map(({ element }) => element.name)), options))
    yield Object.fromEntries(Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]));
}
