import type { Command } from 'commander';
import { usageError } from '../../errors';
import type { Io } from '../../io';
import { type OpenModel, type OpenModelOptions, openModel, requireTokenizer } from '../../model/open-model';
import { pathFrom } from '../../output/write-file';
import { addSamplingFlags, type SamplingFlags, samplingOptions } from '../generate/options';
import { addModelOptions, MODEL_ARGUMENT, remark } from '../shared';
import { Conversation, type ConversationOptions, type Style } from './conversation';
import { Chat } from './run-chat';
import { loadChat } from './saved-chat';

interface ChatFlags extends SamplingFlags, OpenModelOptions {
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
    .action((source: string, flags: ChatFlags) => chat(io, source, flags));
}

async function chat(io: Io, source: string, flags: ChatFlags): Promise<void> {
  if (flags.style !== undefined && !(flags.style in ABOUT))
    throw usageError('chat: there is no such style.', Object.keys(ABOUT).join(', '), flags.style, 'leave it out, or take one of these');
  const model = await openModel(io, source, flags);
  try {
    const options = conversationOptions(model, flags);
    const loaded = flags.load === undefined ? undefined : await loadChat(pathFrom(io.cwd, flags.load), model, options);
    if (io.stdin.isTTY) remark(io, `${model.name}, ${ABOUT[loaded?.transcript.style ?? options.style]}. /help lists the commands.`);
    await new Chat(io, model, options, loaded ?? new Conversation(model, options)).run();
  } finally {
    model.dispose();
  }
}

const ABOUT: Readonly<Record<Style, string>> = {
  template: 'by its chat template',
  turns: 'as lines of User: and Assistant:',
  plain: 'which goes on with what you type',
};

/** @throws SsmError FILE without a tokenizer, OPTION for a template that is not there */
function conversationOptions(model: OpenModel, flags: ChatFlags): ConversationOptions {
  const hasTemplate = requireTokenizer(model).hasChatTemplate;
  const { style = hasTemplate ? 'template' : 'plain', system } = flags;
  if (style === 'template' && !hasTemplate)
    throw usageError(
      'chat: the tokenizer has no chat template.',
      'one that came with a template',
      'one without',
      'take --style turns or plain',
    );
  return { style, system, sampling: samplingOptions(flags, model.eosIds) };
}
