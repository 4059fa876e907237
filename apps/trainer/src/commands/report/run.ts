import { join, resolve } from 'node:path';
import type { Io } from '../../io';
import { refuseOverwrite } from '../../output/write-file';
import { readTextIfThere, realFiles } from '../../run-folder/files';
import { findRuns } from '../../run-folder/find-runs';
import { INFO_FILE, LOG_FILE, REPORT, SWEEP_FILE } from '../../run-folder/names';
import { readSweep } from '../../run-folder/sweep-file';
import type { ReportOptions } from './command';
import { writeReportOf } from './write';

export async function report(names: readonly string[], { output, overwrite, json }: ReportOptions, io: Io): Promise<void> {
  const given = names.map((name) => resolve(io.cwd, name));
  const [only] = given;
  const isAlone = output === undefined && given.length === 1 && only !== undefined;
  const path = isAlone ? join(only, REPORT) : resolve(io.cwd, output ?? REPORT);
  await refuseOverwrite(path, overwrite || (isAlone && (await isOurs(only))));
  const folders = (await Promise.all(given.map(runsIn))).flat();
  await writeReportOf(folders, path, { json: json === true }, io);
}

/** Whether the report of a folder is a run's or a sweep's, which may be written anew. */
const isOurs = async (folder: string): Promise<boolean> =>
  (await Promise.all([INFO_FILE, LOG_FILE, SWEEP_FILE].map((name) => readTextIfThere(realFiles, join(folder, name))))).some(
    (text) => text !== undefined,
  );

/** A run itself, or the runs below the folder: in the order of the sweep, or by name where it is none. */
async function runsIn(folder: string): Promise<string[]> {
  if ((await readTextIfThere(realFiles, join(folder, LOG_FILE))) !== undefined) return [folder];
  const below = await findRuns(folder);
  if (below.length === 0) return [folder];
  const found = new Set(below.map((run) => run.folder));
  const ordered = ((await readSweep(folder)) ?? []).map(({ name }) => join(folder, name)).filter((one) => found.has(one));
  return [...new Set([...ordered, ...[...found].sort()])];
}
