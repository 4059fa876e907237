import type { ChatMessage, Tokenizer } from '@densessm/tokenizer';
import { ApiError, badField, unsupported } from './errors';
import { isObject } from './fields';

/** A conversation before the model reads it. */
export interface ChatPrompt {
  readonly text: string;
  readonly ids: readonly number[];
  /** Places in `ids` at which a message ends. */
  readonly borders: readonly number[];
  /** What ends the answer besides an eos token. */
  readonly stop: readonly string[];
  /** Whether an answer's leading space is none of its own. */
  readonly trimsStart: boolean;
}

const USER_TURN = '\nUser:';
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

/** A conversation by the tokenizer's chat template, else as lines of `User:` and `Assistant:`; the answer is about to begin. @throws ApiError 400 */
export function chatPrompt(tokenizer: Tokenizer, messages: readonly ChatMessage[], tools: readonly unknown[] | undefined): ChatPrompt {
  const write = tokenizer.hasChatTemplate ? byTemplate(tokenizer, tools) : asLines;
  const text = write(messages, true);
  const own = { addSpecialTokens: !tokenizer.hasChatTemplate };
  const ids = tokenizer.encode(text, own);
  if (ids.length === 0) throw badField('messages', 'a conversation with text');
  const style = { stop: tokenizer.hasChatTemplate ? [] : [USER_TURN], trimsStart: !tokenizer.hasChatTemplate };
  return { text, ids, borders: bordersOf(tokenizer, messages, text, ids, write), ...style };
}

type Write = (messages: readonly ChatMessage[], isAnswerNext: boolean) => string;

const byTemplate =
  (tokenizer: Tokenizer, tools: readonly unknown[] | undefined): Write =>
  (messages, addGenerationPrompt) => {
    try {
      return tokenizer.applyChatTemplate(messages, { addGenerationPrompt, ...(tools && { tools }) });
    } catch (error) {
      throw new ApiError(400, error instanceof Error ? error.message : 'The chat template refuses these messages.', { param: 'messages' });
    }
  };

const asLines: Write = (messages, isAnswerNext) =>
  messages
    .map(line)
    .concat(isAnswerNext ? 'Assistant:' : [])
    .join('\n');

function line({ role, content }: ChatMessage): string {
  if (role === 'system') return `${content}\n`;
  return `${role === 'assistant' ? 'Assistant' : 'User'}: ${content}`;
}

/**
 * Where messages end among the tokens. The text is cut where the conversation up to a message is its beginning, and the pieces are encoded by
 * themselves: their tokens must be those of the whole, or there are no borders.
 */
function bordersOf(tokenizer: Tokenizer, messages: readonly ChatMessage[], text: string, ids: readonly number[], write: Write): number[] {
  const cuts = messages.map((_, i) => beginning(() => write(messages.slice(0, i + 1), false), text));
  const places: number[] = [];
  let [from, count] = [0, 0];
  for (const cut of [...new Set(cuts)].filter((one): one is number => one !== undefined && one > 0 && one < text.length)) {
    if (cut <= from) continue;
    const piece = tokenizer.encode(text.slice(from, cut), { addSpecialTokens: from === 0 && !tokenizer.hasChatTemplate });
    if (piece.some((id, i) => id !== ids[count + i])) return places;
    [from, count] = [cut, count + piece.length];
    places.push(count);
  }
  const rest = tokenizer.encode(text.slice(from), { addSpecialTokens: false });
  const isWhole = count + rest.length === ids.length && rest.every((id, i) => id === ids[count + i]);
  return isWhole ? places : places.slice(0, -1);
}

/** Length of a text where it begins the whole. A template may refuse a conversation that ends here. */
function beginning(write: () => string, whole: string): number | undefined {
  try {
    const text = write();
    return whole.startsWith(text) ? text.length : undefined;
  } catch {
    return undefined;
  }
}
