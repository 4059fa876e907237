/** Scripts of shells, made from the commands and flags that there are. */
import type { Command, Option } from 'commander';

interface Flag {
  readonly name: string;
  readonly about: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

interface Entry {
  readonly name: string;
  readonly about: string;
  readonly flags: readonly Flag[];
}

const entriesOf = (program: Command): Entry[] =>
  program.commands.map((one) => ({ name: one.name(), about: one.summary(), flags: one.options.flatMap(flagOf) }));

const flagOf = ({ long, hidden, description, required, argChoices }: Option): Flag[] =>
  long && !hidden ? [{ name: long, about: description, takesValue: required, choices: argChoices ?? [] }] : [];

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
const names = (list: readonly { readonly name: string }[]): string => list.map(({ name }) => name).join(' ');

function bash(program: Command): string {
  const entries = entriesOf(program);
  const flags = entries.map(({ name, flags }) => `    ${name}) flags=${quoted(`${names(flags)} --help`)} ;;`);
  const choices = entries.flatMap(({ name, flags }) =>
    flags.flatMap((one) => (one.choices.length > 0 ? [`    '${name} ${one.name}') words=${quoted(one.choices.join(' '))} ;;`] : [])),
  );
  return `_densessm() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}" flags='' words=''
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=( $(compgen -W ${quoted(`${names(entries)} --help --version`)} -- "$word") )
    return
  fi
  case "$command" in
${flags.join('\n')}
  esac
  case "$command $before" in
${choices.join('\n')}
  esac
  if [ -n "$words" ]; then COMPREPLY=( $(compgen -W "$words" -- "$word") )
  elif [ "\${word:0:1}" = '-' ]; then COMPREPLY=( $(compgen -W "$flags" -- "$word") )
  else COMPREPLY=( $(compgen -f -- "$word") ); fi
}
complete -o filenames -F _densessm densessm
`;
}

function zsh(program: Command): string {
  const entries = entriesOf(program);
  const described = (list: readonly { readonly name: string; readonly about: string }[]): string =>
    list.map(({ name, about }) => quoted(`${name}:${about.replaceAll(':', '\\:')}`)).join(' ');
  const choices = entries.flatMap(({ name, flags }) =>
    flags.flatMap((one) =>
      one.choices.length > 0 ? [`    ${quoted(`${name} ${one.name}`)}) compadd -- ${one.choices.join(' ')}; return ;;`] : [],
    ),
  );
  return `#compdef densessm
_densessm() {
  local -a commands flags
  if (( CURRENT == 2 )); then
    commands=(${described(entries)})
    _describe command commands
    return
  fi
  case $words[2] in
${entries.map(({ name, flags }) => `    ${name}) flags=(${described(flags)}) ;;`).join('\n')}
  esac
  case "$words[2] $words[CURRENT-1]" in
${choices.join('\n')}
  esac
  if [[ $words[CURRENT] == -* ]]; then _describe flag flags; else _files; fi
}
# read from $fpath this file is the function's first call; sourced it only names the function
if [[ $funcstack[1] == _densessm ]]; then _densessm "$@"; else compdef _densessm densessm; fi
`;
}

function fish(program: Command): string {
  const lines = entriesOf(program).flatMap(({ name, about, flags }) => [
    `complete -c densessm -n __fish_use_subcommand -f -a ${name} -d ${quoted(about)}`,
    ...flags.map((flag) => {
      const values = flag.choices.length > 0 ? ` -f -a ${quoted(flag.choices.join(' '))}` : '';
      const needs = flag.takesValue ? ' -r' : '';
      return `complete -c densessm -n ${quoted(`__fish_seen_subcommand_from ${name}`)} -l ${flag.name.slice(2)}${needs}${values} -d ${quoted(flag.about)}`;
    }),
  ]);
  return `${lines.join('\n')}\n`;
}

export const SCRIPTS = { bash, zsh, fish } as const;
