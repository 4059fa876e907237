import type { Command } from 'commander';
import type { Io } from '../../io';
import type { OpenModelOptions } from '../../model/open-model';
import { addSamplingFlags, type SamplingFlags } from '../generate/options';
import { addModelOptions, MODEL_ARGUMENT } from '../shared';
import type { Style } from './conversation';

export interface ChatFlags extends SamplingFlags, OpenModelOptions {
  system?: string;
  style?: Style;
  load?: string;
}

const EXAMPLES = `
Examples:
  $ densessm chat ./my-chat-model --system "You are brief."
  $ densessm chat state-spaces/mamba-130m-hf --style turns --temperature 0.7
  $ printf 'Hello\\nAnd then?\\n' | densessm chat out/book            a line for each turn

/help inside lists /reset, /undo, /retry, /save, /load and more. Ctrl-C stops an answer first, then leaves.
The conversation is held as the model's state: a long one costs no more than a short one.`;

/** `densessm chat`. */
export function registerChat(program: Command, io: Io): void {
  const command = program
    .command('chat')
    .summary('talk with a model')
    .description('Talks with a model in the terminal, by its chat template where the tokenizer has one.')
    .argument('<model>', MODEL_ARGUMENT)
    .option('--system <text>', 'what the conversation begins with')
    .option('--style <name>', 'template, turns (lines of User: and Assistant:) or plain (the model goes on with what is typed)')
    .option('--load <file>', 'go on with a conversation that /save kept');
  addSamplingFlags(command);
  addModelOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, flags: ChatFlags) => (await import('./run')).chat(io, source, flags));
}
