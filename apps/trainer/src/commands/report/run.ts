import { join, resolve } from 'node:path';
import { usageError } from '../../errors';
import type { Io } from '../../io';
import { relativePath } from '../../output/paths';
import { refuseOverwrite } from '../../output/write-file';
import { REPORT } from '../../run/open-run';
import { writeJson, writeLines } from '../shared';
import type { ReportOptions } from './command';

export async function report(names: readonly string[], { output, overwrite, json }: ReportOptions, io: Io): Promise<void> {
  const folders = names.map((name) => resolve(io.cwd, name));
  const [only] = folders;
  const isOwn = output === undefined && folders.length === 1 && only !== undefined;
  const path = isOwn ? join(only, REPORT) : resolve(io.cwd, output ?? REPORT);
  await refuseOverwrite(path, overwrite || isOwn);
  const { readReportRun, saveReport, summarize, terminalSummary } = await import('../../report/index'); // brings TensorFlow.js, which --help need not wait for
  const runs = await Promise.all(folders.map((folder) => readReportRun(folder)));
  for (const [i, { info, steps }] of runs.entries()) if (info === undefined && steps.length === 0) throw noRun(names[i] ?? '');
  await saveReport(runs, path);
  if (json) writeJson(io, { report: path, runs: runs.map(summarize) });
  else
    writeLines(io, [
      ...runs.flatMap((run) => [run.name, ...terminalSummary(run, io.stdout.columns), '']),
      `report   ${relativePath(io.cwd, path)}`,
    ]);
}

const noRun = (folder: string): Error =>
  usageError(`${folder} is no run.`, 'a folder with run.json and log.jsonl', 'neither', 'densessm runs lists the runs that there are');
