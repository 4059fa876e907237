import { type Command, Option } from 'commander';
import type { Io } from '../../io';
import { aboutDefault } from '../../settings/flags';
import { kebab, rowOf, SETTING_NAMES, type SettingName } from '../../settings/table';

const DESCRIPTION = `Trains a run for every combination of the values given: every flag of densessm train takes several, with commas between them.

Runs go on side by side where cores and memory allow, each a process of its own with its share of the threads. Ctrl-C saves all of them, and
the same command started again resumes where they were, also after a kill or a power cut; so does densessm sweep --out-dir FOLDER alone. More
values may be added later. A run that fails does not end the others: the exit code is 1 then, and starting again tries it anew.`;

const AFTER = `
A comma that belongs to a value has a backslash before it: --sample-prompt 'Once\\, twice'. Commas inside the braces of --config-json are its own.
--data a.txt b.txt is one set of two files, --data a.txt,b.txt two sets.

Examples:
  $ densessm sweep --learning-rate 3e-4,1e-3,3e-3 --seed 1,2,3          nine runs in out/stories-dense-mamba-sweep
  $ densessm sweep --model mamba,dense-mamba --data book.txt --seed 1,2 --name book
  $ densessm sweep --preset stories --hidden-size 64,96,128 --jobs 2    two at a time
  $ densessm sweep --out-dir out/book                                   goes on, or shows the result again
  $ densessm runs out/book --sort loss`;

export interface SweepOptions extends Readonly<Record<string, unknown>> {
  readonly config?: readonly string[];
  readonly preset?: readonly string[];
  readonly jobs?: string;
  readonly json?: boolean;
  readonly breakLock?: boolean;
}

/** `densessm sweep` */
export function registerSweep(program: Command, io: Io): void {
  const command = program
    .command('sweep')
    .summary('train with every combination of some settings')
    .description(DESCRIPTION)
    .addOption(collected('--config <file,...>', 'settings from YAML or JSON files, under the names of the flags'))
    .addOption(collected('--preset <name,...>', 'start from settings that belong together'))
    .option('--jobs <n>', 'runs at a time (default: as many as cores and memory allow)')
    .option('--break-lock', 'take the folder of a sweep whose process counts as alive, though you know that it has ended')
    .option('--json', 'a line of JSON for every run that ends, and one with the result');
  for (const name of SETTING_NAMES) addFlag(command, name);
  command.addHelpText('after', AFTER).action(async (options: SweepOptions) => (await import('./run')).sweep(options, program.args, io));
}

function addFlag(command: Command, name: SettingName): void {
  const { kind, help, group, fallback, absent } = rowOf(name);
  const word = kind.isFlag ? ' [true,false]' : ` <${kind.placeholder},...>`;
  const about = `${help}${aboutDefault(kind, fallback, absent)}`;
  command.addOption(collected(`--${kebab(name)}${kind.isList ? ` <${kind.placeholder}...>` : word}`, about).helpGroup(group));
  if (kind.isFlag) command.addOption(new Option(`--no-${kebab(name)}`).hideHelp());
}

/** Keeps the words as they were typed; what is given again adds to them. */
const collected = (flags: string, about: string): Option =>
  new Option(flags, about).argParser((word: string, before: unknown) => [...(Array.isArray(before) ? before : []), word]);
