import type { Command } from 'commander';
import type { Io } from '../../io';
import type { OpenModelOptions } from '../../model/open-model';
import { MODEL_ARGUMENT } from '../shared';

export interface InspectOptions extends Pick<OpenModelOptions, 'revision' | 'offline'> {
  json?: boolean;
}

const EXAMPLES = `
Examples:
  $ densessm inspect out/book
  $ densessm inspect state-spaces/mamba-130m-hf --json | jq .parameters

Only config.json, the tokenizer and the headers of the weights are read, so that a large model takes no longer than a small one.`;

/** `densessm inspect`. */
export function registerInspect(program: Command, io: Io): void {
  program
    .command('inspect')
    .summary('show what a model is: config, parameters, state, files')
    .description('Shows what a model is: its config, its parameters by module, the size of its state, what is on disk.')
    .argument('<model>', MODEL_ARGUMENT)
    .option('--revision <name>', 'branch, tag or commit on the Hub')
    .option('--offline', 'take what is in the cache and ask no server')
    .option('--json', 'everything as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, options: InspectOptions) => (await import('./run')).inspect(io, source, options));
}
