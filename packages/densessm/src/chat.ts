import { SsmError } from '@densessm/ssm-core';
import type { ChatMessage, ChatOptions, Tokenizer } from '@densessm/tokenizer';

/** What a conversation becomes before the model reads it. */
export interface ChatPrompt {
  readonly ids: readonly number[];
  /** Where the answer ends besides at an eos token. */
  readonly stop: readonly string[];
}

const USER_TURN = '\nUser:';

/**
 * A conversation as token ids, the answer about to begin: by the tokenizer's chat template, else as lines of `User:` and `Assistant:`.
 * @throws SsmError OPTION for a list that is no conversation, TokenizerError where the template refuses it
 */
export function chatPrompt(tokenizer: Tokenizer, messages: readonly ChatMessage[], options: ChatOptions): ChatPrompt {
  checkMessages(messages);
  if (tokenizer.hasChatTemplate || options.template !== undefined) {
    const text = tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true, ...options });
    return { ids: tokenizer.encode(text, { addSpecialTokens: false }), stop: [] };
  }
  return { ids: tokenizer.encode(messages.map(line).concat('Assistant:').join('\n')), stop: [USER_TURN] };
}

function line({ role, content }: ChatMessage): string {
  if (role === 'system') return `${content}\n`;
  return `${role === 'user' ? 'User' : 'Assistant'}: ${content}`;
}

function checkMessages(messages: readonly ChatMessage[]): void {
  const isMessage = (one: unknown): boolean => typeof one === 'object' && one !== null && typeof (one as ChatMessage).role === 'string';
  if (Array.isArray(messages) && messages.length > 0 && messages.every(isMessage)) return;
  const isText = typeof (messages as unknown) === 'string';
  throw new SsmError({
    code: 'OPTION',
    what: 'chat: `messages` is not a conversation.',
    expected: "a list of messages, [{ role: 'user', content: 'Hi' }, …]",
    got: JSON.stringify(messages)?.slice(0, 80) ?? 'undefined',
    fix: isText ? 'wrap the text into a message, or continue it with generate' : 'give each message a role and a content',
  });
}
