import { type Command, Option } from 'commander';
import type { Io } from '../../io';
import type { OpenModelOptions } from '../../model/open-model';
import { type Kind, real, whole } from '../../settings/kinds';
import { addModelOptions, MODEL_ARGUMENT, reading } from '../shared';

export interface ServeFlags extends OpenModelOptions {
  port?: number;
  host?: string;
  name?: string;
  apiKey?: string;
  allowHost?: string[];
  cors?: string[];
  slots?: number;
  queue?: number;
  maxTokens?: number;
  maxPrompt?: number;
  timeout?: number;
  cache?: number;
  states?: string;
}

const EXAMPLES = `
Examples:
  $ densessm serve out/book                                   http://127.0.0.1:8080/v1 for any client of the OpenAI API
  $ densessm serve state-spaces/mamba-130m-hf --weights int8 --states ~/.cache/book-states
  $ DENSESSM_API_KEY=secret densessm serve out/book --host 0.0.0.0 --allow-host box.local

Conversations are continued from the model's state, which does not grow: --states keeps it for the next start.
Ctrl-C lets begun answers end; a second one does not.`;

interface Row {
  readonly flag: string;
  readonly about: string;
  readonly kind: Kind<number>;
}
const LIMITS: readonly Row[] = [
  { flag: '--slots <n>', about: 'texts that are written at once (default: 8)', kind: whole(1, 1024) },
  { flag: '--queue <n>', about: 'requests that may wait; one more is answered 429 (default: 64)', kind: whole(1) },
  { flag: '--max-tokens <n>', about: 'most tokens of an answer (default: 4096)', kind: whole(1) },
  { flag: '--max-prompt <n>', about: 'most tokens of a prompt (default: 131072)', kind: whole(1) },
  { flag: '--timeout <seconds>', about: 'after which an answer ends with an error (default: 600)', kind: real(0.001, 2_000_000) },
  { flag: '--cache <MiB>', about: 'memory for states of conversations (default: 256)', kind: real(0) },
];

const collect = (word: string, before: readonly string[] = []): string[] => [...before, word];

/** `densessm serve`. */
export function registerServe(program: Command, io: Io): void {
  const command = program
    .command('serve')
    .summary('serve a model over HTTP, as the OpenAI API has it')
    .description('Serves a model to clients of the OpenAI API: completions, chat, responses; many at once.')
    .argument('<model>', MODEL_ARGUMENT)
    .addOption(new Option('--port <n>', 'to listen on; 0 takes a free one').default(8080).argParser(reading(whole(0, 65_535))))
    .option('--host <address>', 'to listen on; 0.0.0.0 lets other machines in', '127.0.0.1')
    .option('--name <id>', "the model's name for clients (default: the end of what was named)")
    .option('--api-key <key>', 'that clients must send (default: DENSESSM_API_KEY, if set)')
    .option('--allow-host <name>', "another name of this machine, or '*': any other Host header is refused; repeatable", collect)
    .option('--cors <origin>', "whose pages may read answers, or '*'; repeatable", collect)
    .option('--states <folder>', 'keeps states of conversations on disk');
  for (const { flag, about, kind } of LIMITS) command.addOption(new Option(flag, about).helpGroup('Limits:').argParser(reading(kind)));
  addModelOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, flags: ServeFlags) => (await import('./run')).serve(io, source, flags));
}
