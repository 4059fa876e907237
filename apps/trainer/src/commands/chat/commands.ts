/** A line that is for the program, not for the model. */
export interface ChatCommand {
  readonly name: ChatCommandName;
  readonly argument: string;
}

const COMMANDS = {
  help: 'these lines',
  reset: 'begin anew',
  undo: 'take the last turn back',
  retry: 'let the last turn be answered again',
  save: 'FILE  keep the conversation; /save! replaces a file',
  load: 'FILE  go on with one that was kept',
  stats: 'length of the text, size of the state',
  exit: 'leave; Ctrl-D does, too',
} as const;
export type ChatCommandName = keyof typeof COMMANDS | 'save!';

/** What /help shows. */
export const HELP: readonly string[] = [
  ...Object.entries(COMMANDS).map(([name, about]) => `/${name.padEnd(6)} ${about}`),
  'Ctrl-C stops an answer. A line that ends with \\ goes on in the next; // begins a line with a slash.',
];

/** What a line means: a command, text, or a command that does not exist. */
export type Meaning = { command: ChatCommand } | { text: string } | { unknown: string };

const ALIASES: Readonly<Record<string, ChatCommandName>> = { quit: 'exit', '?': 'help' };

export function meaningOf(line: string): Meaning {
  if (line.startsWith('//')) return { text: line.slice(1) };
  const [, word, argument = ''] = /^\/(\S*)\s*(.*)$/s.exec(line) ?? [];
  if (word === undefined) return { text: line };
  const name = ALIASES[word] ?? word;
  if (name in COMMANDS || name === 'save!') return { command: { name: name as ChatCommandName, argument: argument.trim() } };
  return { unknown: word };
}
