import { usageError } from '../../errors';
import type { Io } from '../../io';
import { type OpenModel, openModel, requireTokenizer } from '../../model/open-model';
import { pathFrom } from '../../output/write-file';
import { samplingOptions } from '../generate/options';
import { remark } from '../shared';
import type { ChatFlags } from './command';
import { Conversation, type ConversationOptions, type Style } from './conversation';
import { Chat } from './run-chat';
import { loadChat } from './saved-chat';

export async function chat(io: Io, source: string, flags: ChatFlags): Promise<void> {
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
