import { join } from 'node:path';
import type { SomeSettings } from '../settings/table';
import { type FileSystem, readTextIfThere, realFiles, replaceFile, writeError } from './files';
import { sweepRunsOf } from './json-schema';
import { SWEEP_FILE } from './names';

/** A run of a sweep: its folder, and what was said of its settings. */
export interface SweepRun {
  readonly name: string;
  readonly settings: SomeSettings;
}

/** The runs that sweep.json lists; undefined where there is none. @throws SsmError FILE where it is damaged */
export async function readSweep(folder: string, fs: FileSystem = realFiles): Promise<SweepRun[] | undefined> {
  const path = join(folder, SWEEP_FILE);
  const text = await readTextIfThere(fs, path);
  return text === undefined ? undefined : sweepRunsOf(path, parsed(text));
}

/** Undefined is refused by whoever checks the content. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @throws SsmError FILE where the folder cannot be written */
export async function writeSweep(folder: string, runs: readonly SweepRun[], fs: FileSystem = realFiles): Promise<void> {
  try {
    await replaceFile(fs, folder, SWEEP_FILE, `${JSON.stringify({ format: 'densessm-sweep-1', runs }, null, 2)}\n`);
  } catch (error) {
    throw writeError('The sweep could not be noted down.', join(folder, SWEEP_FILE), error);
  }
}
