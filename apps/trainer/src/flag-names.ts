/** Flags as people type them: underscores for hyphens, and the names of other programs, which are told the right one. */
import type { Command } from 'commander';
import { usageError } from './errors';
import { aboutMeant, meantName } from './settings/synonyms';

/** The command that the words call, or the program itself. */
export const commandOf = (program: Command, argv: readonly string[]): Command =>
  program.commands.find((one) => one.name() === argv.find((word) => !word.startsWith('-'))) ?? program;

/**
 * The words with every flag spelled as the command has it: `--learning_rate=1e-3` becomes `--learning-rate=1e-3`.
 * @throws SsmError OPTION for a flag that there is not, with the name that was probably meant
 */
export function normalizeFlags(program: Command, argv: readonly string[]): string[] {
  const command = commandOf(program, argv);
  const known = new Set(['--help', ...[...command.options, ...program.options].flatMap(({ long }) => long ?? [])]);
  const end = argv.indexOf('--');
  return argv.map((word, i) => {
    const [, flag, value = ''] = /^(--[A-Za-z][\w-]*)(=[\s\S]*)?$/.exec(word) ?? [];
    if (flag === undefined || known.has(flag) || (end >= 0 && i > end) || isValue(command, argv[i - 1])) return word;
    const hyphens = flag.replaceAll('_', '-');
    if (known.has(hyphens)) return `${hyphens}${value}`;
    throw unknownFlag(command, flag);
  });
}

/** Whether the word before takes the next one, whatever it is, as its value. */
function isValue(command: Command, before: string | undefined): boolean {
  if (before === undefined || before.includes('=')) return false;
  const hyphens = before.replaceAll('_', '-');
  return command.options.some(({ long, required, variadic }) => long === hyphens && required && !variadic);
}

function unknownFlag(command: Command, flag: string): Error {
  const names = command.options.flatMap(({ long, hidden }) => (long && !hidden ? [long.slice(2)] : []));
  const meant = meantName(flag.slice(2), names);
  const full = command.parent === null ? 'densessm' : `densessm ${command.name()}`;
  const fix = meant === undefined ? `${full} --help lists them` : `did you mean --${meant}?${aboutMeant(flag.slice(2), meant)}`;
  return usageError(`${full}: there is no flag ${flag}.`, 'a flag of the command', flag, fix);
}
