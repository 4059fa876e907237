import type { Command } from 'commander';
import type { Io } from '../../io';

export interface ReportOptions {
  output?: string;
  overwrite?: boolean;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  $ densessm report out/book-mamba                                      its own report.html, written anew
  $ densessm report out/book-mamba out/book-dense-mamba --output both.html
  $ densessm report out/stories-sweep                                   mean and spread over seeds, best settings, loss over each of them

A run writes its own report as it goes; this command is for several runs side by side.`;

/** `densessm report` */
export function registerReport(program: Command, io: Io): void {
  program
    .command('report')
    .summary('compare runs in one HTML file')
    .description('Writes curves, samples, gates and settings of one or several runs into one HTML file that opens offline.')
    .argument('<run...>', 'folders of training runs or sweeps')
    .option('--output <file>', 'where to write it (default: report.html, in the folder of the run where there is only one)')
    .option('--overwrite', 'replace a file that is there')
    .option('--json', 'the figures of every run as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (folders: string[], options: ReportOptions) => (await import('./run')).report(folders, options, io));
}
