import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { SsmError } from '@densessm/ssm-core/plain';
import { dataError } from './errors';
import type { DataFile } from './finding/data-file';
import type { Surroundings } from './finding/find';
import type { DataProgress, DataServices, TrainingDataOptions } from './options';
import type { ReadCounts, ReadingOptions } from './reading/read';

/** The options with every default filled in, and what surrounds them. */
export interface Settings extends Surroundings {
  readonly field: string;
  readonly tokenizer: string;
  readonly vocabSize: number;
  readonly valFraction: number;
  readonly skipBadLines: boolean;
  readonly blockSize: number;
  /** How to read files in a stage of the work. */
  reading(stage: DataProgress['stage'], files: readonly DataFile[]): ReadingOptions;
  /** @throws SsmError FILE where nothing was found to read */
  requireText(files: readonly DataFile[], counts: ReadCounts): void;
}

/** @throws SsmError OPTION */
export function completeSettings(options: TrainingDataOptions, services: DataServices): Settings {
  const { field = 'text', tokenizer = 'char', vocabSize = 4096, valFraction = 0.1, skipBadLines = false, blockSize } = options;
  const { signal, onProgress = () => undefined, stdin = process.stdin, cwd = process.cwd(), hub = {} } = services;
  if (!(valFraction > 0 && valFraction < 1)) throw badOption('valFraction', 'a number between 0 and 1', valFraction, '--val-split');
  if (!Number.isInteger(blockSize) || blockSize < 1) throw badOption('blockSize', 'an integer from 1', blockSize, '--block-size');
  const reading = (stage: DataProgress['stage'], files: readonly DataFile[]): ReadingOptions => {
    const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return { field, skipBadLines, signal, onProgress: ({ name }, { bytes }) => onProgress({ stage, file: name, done: bytes, total }) };
  };
  const cacheDir = resolve(cwd, options.cacheDir);
  return {
    field,
    tokenizer,
    vocabSize,
    valFraction,
    skipBadLines,
    blockSize,
    cacheDir,
    signal,
    onProgress,
    stdin,
    cwd,
    hub,
    reading,
    requireText,
  };
}

const badOption = (name: string, expected: string, got: unknown, flag: string): SsmError =>
  new SsmError({ code: 'OPTION', what: `the data's \`${name}\` has no meaning.`, expected, got: String(got), fix: `correct ${flag}` });

function requireText(files: readonly DataFile[], { characters, skippedLines, firstSkip }: ReadCounts): void {
  if (characters > 0) return;
  const names = files
    .slice(0, 3)
    .map(({ name }) => name)
    .join(', ');
  const got = skippedLines > 0 ? `${skippedLines} bad lines; the first: ${firstSkip?.message.split('\n', 1)[0]}` : 'none';
  throw dataError(`${names}: there is no text in the data.`, 'text', got, 'check the files and the field that holds the text');
}

/** A hash of what some work depends on: the content of files by their paths, sizes and times, and more. */
export function fingerprintOf(about: readonly unknown[], files: readonly DataFile[]): string {
  const of = files.map(({ path, format, isGzipped, sizeBytes, stamp }) => [path, format, isGzipped, sizeBytes, stamp]);
  return createHash('sha256')
    .update(JSON.stringify([about, of]))
    .digest('hex');
}
