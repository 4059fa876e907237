import { SsmError } from '@densessm/ssm-core';
import type { ChatMessage } from '@densessm/tokenizer';

/** @throws SsmError OPTION for what is no conversation */
export function checkMessages(messages: readonly ChatMessage[]): void {
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
