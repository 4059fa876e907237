import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Kind } from './kinds';
import { kebab, rowOf, SETTING_NAMES, type SomeSettings } from './table';

/** Adds a flag for every setting, in groups. What was not given stays out, so that files and presets can say it. */
export function addSettingFlags(command: Command): void {
  for (const name of SETTING_NAMES) {
    const { kind, help, group, fallback, absent } = rowOf(name);
    const about = `${help}${aboutDefault(kind, fallback, absent)}`;
    const option = new Option(`--${kebab(name)}${placeholder(kind)}`, about).helpGroup(group);
    if (!kind.isFlag) option.argParser((word: string, before: unknown) => readWord(kind, word, before));
    command.addOption(option);
    if (kind.isFlag) command.addOption(new Option(`--no-${kebab(name)}`).hideHelp()); // against what a file or preset says
  }
}

/** Flags of the command line that give settings: `--learning-rate=0.0003`, `--data=a.txt --data=b.txt`, `--no-recompute`. */
export function flagsOf(settings: SomeSettings): string[] {
  return SETTING_NAMES.flatMap((name) => {
    const value: unknown = settings[name];
    if (value === undefined) return [];
    if (typeof value === 'boolean') return [`--${value ? '' : 'no-'}${kebab(name)}`];
    const texts = Array.isArray(value) ? value : [typeof value === 'object' ? JSON.stringify(value) : value];
    return texts.map((text) => `--${kebab(name)}=${text}`);
  });
}

function placeholder({ isFlag, isList, choices, placeholder: word }: Kind<unknown>): string {
  if (isFlag) return '';
  return isList ? ` <${word}...>` : ` <${choices && choices.length <= 3 ? choices.join('|') : word}>`;
}

export function aboutDefault(kind: Kind<unknown>, fallback: unknown, absent: string | undefined): string {
  const choices = kind.choices && kind.choices.length > 3 ? `: ${kind.choices.join(', ')}` : '';
  const said = absent ?? (fallback === undefined || kind.isFlag ? '' : Array.isArray(fallback) ? fallback.join(' ') : String(fallback));
  return `${choices}${said === '' ? '' : ` (default: ${said})`}`;
}

function readWord(kind: Kind<unknown>, word: string, before: unknown): unknown {
  const read = kind.read(word);
  if (read === undefined) throw new InvalidArgumentError(`It must be ${kind.expected}.`);
  return kind.isList && Array.isArray(before) ? [...before, ...(read as unknown[])] : read;
}

/** The settings among the options that commander read. */
export const settingsOf = (options: Readonly<Record<string, unknown>>): SomeSettings =>
  Object.fromEntries(SETTING_NAMES.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]));
