import { Argument, type Command } from 'commander';
import type { Io } from '../../io';
import { SCRIPTS } from './scripts';

const EXAMPLES = `
Examples:
  $ densessm completion bash > ~/.local/share/bash-completion/completions/densessm
  $ densessm completion zsh > "\${fpath[1]}/_densessm"
  $ densessm completion fish > ~/.config/fish/completions/densessm.fish`;

/** `densessm completion`. */
export function registerCompletion(program: Command, io: Io): void {
  program
    .command('completion')
    .summary('write a script that completes commands and flags in a shell')
    .description('Writes a script with which a shell completes the names of commands and flags.')
    .addArgument(new Argument('<shell>', 'which one').choices(Object.keys(SCRIPTS)))
    .addHelpText('after', EXAMPLES)
    .action((shell: keyof typeof SCRIPTS) => void io.stdout.write(SCRIPTS[shell](program)));
}
