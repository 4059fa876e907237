import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { usageError } from '../../errors';
import type { Io } from '../../io';
import { relativePath } from '../../output/paths';
import { refuseOverwrite } from '../../output/write-file';
import { REPORT } from '../../run-folder/names';
import { writeJson, writeLines } from '../shared';

interface ReportOptions {
  output?: string;
  overwrite?: boolean;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  $ densessm report out/book-mamba                                      its own report.html, written anew
  $ densessm report out/book-mamba out/book-dense-mamba --output both.html

A run writes its own report as it goes; this command is for several runs side by side.`;

/** `densessm report` */
export function registerReport(program: Command, io: Io): void {
  program
    .command('report')
    .summary('compare runs in one HTML file')
    .description('Writes curves, samples, gates and settings of one or several runs into one HTML file that opens offline.')
    .argument('<run...>', 'folders of training runs')
    .option('--output <file>', 'where to write it (default: report.html, in the folder of the run where there is only one)')
    .option('--overwrite', 'replace a file that is there')
    .option('--json', 'the figures of every run as JSON')
    .addHelpText('after', EXAMPLES)
    .action((folders: string[], options: ReportOptions) => report(folders, options, io));
}

async function report(names: readonly string[], { output, overwrite, json }: ReportOptions, io: Io): Promise<void> {
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
