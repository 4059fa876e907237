import { styleText } from 'node:util';
import { Command, CommanderError } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { commands } from './commands';
import { addPluginFlags } from './commands/plugins';
import { describeError } from './errors';
import { normalizeFlags } from './flag-names';
import { EXIT, Exit, Interrupted, type Io } from './io';
import type { CommandModel } from './model/command-model';
import { addModels } from './model/plugins';
import { hasColors, type Style, styled } from './output/terminal';

const ABOUT = `Trains, measures and runs state space language models with dense hidden connections:
Mamba, Mamba-2, RetNet and their dense forms.`;

const EXAMPLES = `
Examples:
  $ densessm train --data book.txt --model dense-mamba      train on a text of your own
  $ densessm generate out/book-dense-mamba --prompt "Once"   let it go on with a text
  $ densessm <command> --help                               options, defaults and examples of a command`;

export interface MainOptions {
  /** Models that the command trains and opens beside those of the house, as a plugin brings them. */
  readonly models?: readonly CommandModel[];
}

/**
 * Runs the command with its arguments (without node and script) and says how it went.
 * @returns the exit code: 0 fine, 1 failure, 2 wrong usage, 75 to be started again, 130 interrupted. Nothing is thrown.
 */
export async function main(argv: readonly string[], io: Io, options: MainOptions = {}): Promise<number> {
  try {
    const models: CommandModel[] = [];
    addModels(models, options.models ?? [], 'main: `models`');
    const program = buildProgram(withModels(io, models));
    await program.parseAsync(normalizeFlags(program, argv), { from: 'user' });
    return EXIT.fine;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.usage; // it has spoken already
    if (error instanceof Exit) return error.code;
    const asJson = argv.includes('--json');
    const { text, code } = describeError(error, asJson);
    io.stderr.write(`${asJson ? text : colored(io, text)}\n`);
    return error instanceof Interrupted ? EXIT.interrupted : code;
  }
}

/** The same process with models of its own. The signal is asked for only when a command does. */
function withModels(io: Io, models: CommandModel[]): Io {
  const { stdout, stderr, stdin, env, cwd, self, unread, last } = io;
  return {
    ...{ stdout, stderr, stdin, env, cwd, self, unread, last, models },
    get signal() {
      return io.signal;
    },
  };
}

/** An error as a terminal shows it: its first line and its advice stand out. */
function colored(io: Io, text: string): string {
  const style = (style: Style, part: string): string => styled(io, io.stderr, style, part);
  return text
    .replace(/^densessm:.*/, (line) => style(['bold', 'red'], line))
    .replace(/(?<=^ {2})fix(?= {7})/m, (word) => style('green', word));
}

/** The program with every command, which the documentation reads too. Subcommands copy its settings, so that all of them throw, and write where `io` says. */
export function buildProgram(io: Io): Command {
  const program = new Command('densessm')
    .description(ABOUT)
    .version(manifest.version, '-v, --version')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .showHelpAfterError('(densessm --help tells what there is)')
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      getOutHelpWidth: () => Math.min(120, io.stdout.columns ?? 100),
      getErrHelpWidth: () => Math.min(120, io.stderr.columns ?? 100),
      getOutHasColors: () => hasColors(io, io.stdout),
      getErrHasColors: () => hasColors(io, io.stderr),
    })
    .configureHelp({
      styleTitle: (text) => styleText('bold', text, { validateStream: false }),
      styleCommandText: (text) => styleText('cyan', text, { validateStream: false }),
      styleSubcommandText: (text) => styleText('cyan', text, { validateStream: false }),
      styleOptionText: (text) => styleText('green', text, { validateStream: false }),
    });
  for (const register of commands) register(program, io);
  addPluginFlags(program, io);
  return program;
}
