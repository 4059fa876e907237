import { type ChatMessage, type ChatPrompt, chatPrompt, messageEnds, type Tokenizer } from '@densessm/tokenizer';
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
  return value.map((one: unknown, i) => {
    if (!isObject(one) || typeof one.role !== 'string' || !ROLES.includes(one.role))
      throw badField(`${param}[${i}].role`, `one of ${ROLES.join(', ')}`);
    const role = one.role === 'developer' ? 'system' : one.role;
    return { ...one, role, content: contentOf(one.content, `${param}[${i}].content`) };
  });
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

/** A conversation, and where its messages end. @throws ApiError 400 */
export function promptOf(tokenizer: Tokenizer, messages: readonly ChatMessage[], tools: readonly unknown[] | undefined): ServedPrompt {
  const options = tools ? { tools } : {};
  try {
    const prompt = chatPrompt(tokenizer, messages, options);
    if (prompt.ids.length > 0) return { ...prompt, borders: messageEnds(tokenizer, messages, prompt, options) };
  } catch (error) {
    throw new ApiError(400, error instanceof Error ? error.message : 'The chat template refuses these messages.', { param: 'messages' });
  }
  throw badField('messages', 'a conversation with text');
}
