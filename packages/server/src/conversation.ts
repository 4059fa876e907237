import {
  type ChatMessage,
  type ChatPrompt,
  type ChatPromptOptions,
  type ChatText,
  chatPrompt,
  chatText,
  messageEnds,
  type Tokenizer,
} from '@densessm/tokenizer';
import { ApiError, badField, unsupported } from './errors';
import { isObject } from './fields';

/** A conversation as the model reads it. */
export interface ServedPrompt extends ChatPrompt {
  /** Places in `ids` at which a message ends. */
  readonly borders: readonly number[];
}

const ROLES = ['system', 'developer', 'user', 'assistant', 'tool', 'function'];

/** The messages of a request, their contents as text. @throws ApiError 400 */
export function messagesOf(value: unknown, param = 'messages'): ChatMessage[] {
  if (!Array.isArray(value) || value.length === 0) throw badField(param, 'a list of at least one message');
  return value.map((one: unknown, i) => messageOf(one, `${param}[${i}]`));
}

/** A message, its content as text. @throws ApiError 400 */
export function messageOf(value: unknown, param: string): ChatMessage {
  if (!isObject(value) || typeof value.role !== 'string' || !ROLES.includes(value.role))
    throw badField(`${param}.role`, `one of ${ROLES.join(', ')}`);
  const role = value.role === 'developer' ? 'system' : value.role;
  return { ...value, role, content: contentOf(value.content, `${param}.content`) };
}

/** @throws ApiError 400 */
export function contentOf(value: unknown, param: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) throw badField(param, 'a string or a list of parts');
  return value.map((part: unknown) => partText(part, param)).join('');
}

function partText(part: unknown, param: string): string {
  if (isObject(part) && typeof part.text === 'string' && /^(?:input_|output_)?text$/.test(String(part.type))) return part.text;
  if (isObject(part) && typeof part.refusal === 'string') return part.refusal;
  throw isObject(part) && typeof part.type === 'string' ? unsupported(param, 'Content that is not text') : badField(param, 'text');
}

/** A conversation as text. @throws ApiError 400 */
export const textOf = (tokenizer: Tokenizer, messages: readonly ChatMessage[], options: ChatPromptOptions): ChatText =>
  understood(() => chatText(tokenizer, messages, options));

/** A conversation, and where its messages end. @throws ApiError 400 */
export function promptOf(tokenizer: Tokenizer, messages: readonly ChatMessage[], options: ChatPromptOptions): ServedPrompt {
  const prompt = understood(() => chatPrompt(tokenizer, messages, options));
  if (prompt.ids.length === 0) throw badField('messages', 'a conversation with text');
  return { ...prompt, borders: messageEnds(tokenizer, messages, prompt, options) };
}

/** A template may refuse a conversation. */
function understood<T>(write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw new ApiError(400, error instanceof Error ? error.message : 'The chat template refuses these messages.', { param: 'messages' });
  }
}
