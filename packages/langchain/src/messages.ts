import { SsmError } from '@densessm/ssm-core';
import type { ChatMessage } from '@densessm/tokenizer';
import { type AIMessage, type BaseMessage, ChatMessage as GenericMessage, type ToolMessage } from '@langchain/core/messages';

/** LangChain's types of messages, as chat templates name them. */
const ROLES: Readonly<Record<string, string>> = {
  ...{ human: 'user', ai: 'assistant', system: 'system', developer: 'system', tool: 'tool', function: 'tool' },
};

/** A conversation of LangChain as chat templates know it. @throws SsmError OPTION for content that is not text */
export const messagesOf = (messages: readonly BaseMessage[]): ChatMessage[] => messages.map(written);

function written(message: BaseMessage): ChatMessage {
  const type = message.getType();
  const content = textOf(message);
  if (GenericMessage.isInstance(message)) return { role: message.role, content };
  const role = ROLES[type] ?? type;
  if (type === 'tool')
    return { role, content, tool_call_id: (message as ToolMessage).tool_call_id, ...(message.name && { name: message.name }) };
  const calls = type === 'ai' ? ((message as AIMessage).tool_calls ?? []) : [];
  if (calls.length === 0) return { role, content };
  return { role, content, tool_calls: calls.map(({ id, name, args }) => ({ id, type: 'function', function: { name, arguments: args } })) };
}

/** Kinds of parts that are no part of what the model is to read. */
const LEFT_OUT: ReadonlySet<string> = new Set(['reasoning', 'tool_use', 'tool_call']);

function textOf({ content }: BaseMessage): string {
  if (typeof content === 'string') return content;
  const other = content.find((part) => part.type !== 'text' && !LEFT_OUT.has(String(part.type)));
  if (other === undefined) return content.map((part) => (part.type === 'text' ? String(part.text) : '')).join('');
  throw new SsmError({
    code: 'OPTION',
    what: 'ChatDenseSSM: a message has content that is not text.',
    expected: 'a string, or parts of type text',
    got: `a part of type ${other.type}`,
    fix: 'leave it out: the model reads text alone',
  });
}
