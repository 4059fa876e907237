import { usageError } from '../../errors';
import type { Io } from '../../io';
import { relativePath } from '../../output/paths';
import { terminalWidth } from '../../output/terminal';
import { writeJson, writeLines } from '../shared';

interface WriteOptions {
  readonly json: boolean;
  /** JSON as one line, behind others. */
  readonly isLine?: boolean;
}

/** Most runs that are shown one by one on a terminal where a table of their settings says more. */
const FEW = 2;

/** Writes the report about some runs, and what it comes down to. @throws SsmError OPTION where a folder is none of a run */
export async function writeReportOf(folders: readonly string[], path: string, { json, isLine }: WriteOptions, io: Io): Promise<void> {
  const { readReportRun, saveReport, settingsJson, settingsLines, summarize, terminalSummary } = await import('../../report/index'); // brings TensorFlow.js, which --help need not wait for
  const read = await Promise.all(folders.map((folder) => readReportRun(folder)));
  const hasBegun = ({ info, steps }: (typeof read)[number]): boolean => info !== undefined || steps.length > 0;
  const none = read.findIndex((run) => !hasBegun(run));
  if (none >= 0 && !isLine) throw noRun(relativePath(io.cwd, folders[none] ?? ''));
  const runs = read.filter(hasBegun); // one that failed before its first step has left nothing
  await saveReport(runs, path);
  const settings = settingsJson(runs);
  const value = { report: path, runs: runs.map(summarize), ...(settings && { settings }) };
  if (json && isLine) io.stdout.write(`${JSON.stringify({ type: 'result', ...value })}\n`);
  else if (json) writeJson(io, value);
  else {
    const table = settingsLines(runs, terminalWidth(io));
    const each =
      table.length > 0 && runs.length > FEW ? [] : runs.flatMap((run) => [run.name, ...terminalSummary(run, io.stdout.columns), '']);
    writeLines(io, [...each, ...(table.length > 0 ? [...table, ''] : []), `report   ${relativePath(io.cwd, path)}`]);
  }
}

const noRun = (folder: string): Error =>
  usageError(`${folder} is no run.`, 'a folder with run.json and log.jsonl', 'neither', 'densessm runs lists the runs that there are');
