import { basename, dirname } from 'node:path';
import { type FileSystem, realFiles, replaceFile, writeError } from '../run-folder/files';
import { readAssets } from './assets';
import { type ReportRun, readReportRun } from './data/run';
import { reportHtml } from './page/page';

/**
 * Writes one report about some runs: the file is replaced as a whole, so a browser may read it at any time.
 * @throws SsmError FILE where it cannot be written, or a run.json is broken
 */
export async function writeReport(runFolders: readonly string[], outFile: string, fs: FileSystem = realFiles): Promise<void> {
  await saveReport(await Promise.all(runFolders.map((folder) => readReportRun(folder, fs))), outFile, fs);
}

/** The same about runs that were read already. */
export async function saveReport(runs: readonly ReportRun[], outFile: string, fs: FileSystem = realFiles): Promise<void> {
  const text = reportHtml({ runs, date: new Date(), assets: await readAssets() });
  try {
    await replaceFile(fs, dirname(outFile), basename(outFile), text);
  } catch (error) {
    throw writeError('The report could not be written.', outFile, error);
  }
}
