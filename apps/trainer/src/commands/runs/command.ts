import type { Command } from 'commander';
import type { Io } from '../../io';

export interface RunsOptions {
  readonly sort?: string;
  readonly reverse?: boolean;
  readonly filter?: readonly string[];
  readonly json?: boolean;
}

const AFTER = `
--sort and --filter take name, model, state, parameters, steps, loss (the best on held-out text), updated, seconds, and every setting of a run:
learning-rate, seed and the like. Several filters must all hold; of several values with commas between them, one.

Examples:
  $ densessm runs --sort loss
  $ densessm runs --filter model=mamba,dense-mamba --filter 'learning-rate<=1e-3'
  $ densessm runs out/sweep --filter state!=finished`;

/** `densessm runs` */
export function registerRuns(program: Command, io: Io): void {
  program
    .command('runs')
    .summary('list the runs that were trained here')
    .description('Lists the training runs in a folder and in the folders below it, the latest first.')
    .argument('[dir]', 'where to look', 'out')
    .option('--sort <key>', 'the lowest first, or the alphabet')
    .option('--reverse', 'the other way round')
    .option('--filter <condition>', 'only runs for which it holds: key=value, !=, <, <=, >, >=; may be given several times', collect)
    .option('--json', 'write a JSON list')
    .addHelpText('after', AFTER)
    .action(async (dir: string, options: RunsOptions) => (await import('./run')).runs(dir, options, io));
}

const collect = (word: string, before: readonly string[] = []): string[] => [...before, word];
