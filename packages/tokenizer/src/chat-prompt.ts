import type { ChatMessage, ChatOptions } from './chat-template';
import { shown, TokenizerError } from './errors';
import { isObject } from './json';
import type { Tokenizer } from './tokenizer';

/** How a conversation is written, besides its messages. */
export type ChatPromptOptions = Omit<ChatOptions, 'addGenerationPrompt'>;

/** A conversation as text, its answer about to begin. */
export interface ChatText {
  readonly text: string;
  /** What ends the answer besides an eos token. */
  readonly stop: readonly string[];
  /** Whether a space at the start of the answer is no part of it. */
  readonly trimsStart: boolean;
}

/** A conversation before the model reads it. */
export interface ChatPrompt extends ChatText {
  readonly ids: readonly number[];
}

const USER_TURN = '\nUser:';

/**
 * A conversation as text: by the tokenizer's chat template, else as lines of `User:` and `Assistant:`.
 * @throws TokenizerError OPTION for what is no conversation, CONFIG where the template refuses it
 */
export function chatText(tokenizer: Tokenizer, messages: readonly ChatMessage[], options: ChatPromptOptions = {}): ChatText {
  const text = writerOf(tokenizer, options)(messages, true);
  return hasTemplate(tokenizer, options) ? { text, stop: [], trimsStart: false } : { text, stop: [USER_TURN], trimsStart: true };
}

/** The same with its tokens. @throws TokenizerError as {@link chatText} */
export function chatPrompt(tokenizer: Tokenizer, messages: readonly ChatMessage[], options: ChatPromptOptions = {}): ChatPrompt {
  const written = chatText(tokenizer, messages, options);
  // a template writes all special tokens itself
  return { ...written, ids: tokenizer.encode(written.text, { addSpecialTokens: !hasTemplate(tokenizer, options) }) };
}

type Writer = (messages: readonly ChatMessage[], isAnswerNext: boolean) => string;

const hasTemplate = (tokenizer: Tokenizer, { template }: ChatPromptOptions): boolean => tokenizer.hasChatTemplate || template !== undefined;

const writerOf = (tokenizer: Tokenizer, options: ChatPromptOptions): Writer =>
  hasTemplate(tokenizer, options)
    ? (messages, addGenerationPrompt) => tokenizer.applyChatTemplate(messages, { ...options, addGenerationPrompt })
    : asLines;

const asLines: Writer = (messages, isAnswerNext) => {
  checkConversation(messages);
  return messages
    .map(line)
    .concat(isAnswerNext ? 'Assistant:' : [])
    .join('\n');
};

function line({ role, content }: ChatMessage): string {
  const text = textOf(content);
  if (role === 'system' || role === 'developer') return `${text}\n`;
  return `${role === 'assistant' ? 'Assistant' : 'User'}: ${text}`;
}

function textOf(content: unknown): string {
  if (content === undefined || content === null) return '';
  if (typeof content === 'string') return content;
  if (Array.isArray(content) && content.every((part) => isObject(part) && typeof part.text === 'string'))
    return content.map((part) => part.text).join('');
  throw notText('content of a message', 'text, or parts of text', content, 'leave out what is not text: no model here reads it');
}

function checkConversation(messages: unknown): void {
  if (Array.isArray(messages) && messages.length > 0 && messages.every((one) => isObject(one) && typeof one.role === 'string')) return;
  throw notText('`messages`', 'a list of messages', messages, "write the conversation as [{ role: 'user', content: '…' }, …]");
}

const notText = (what: string, expected: string, got: unknown, fix: string): TokenizerError =>
  new TokenizerError({ code: 'OPTION', what: `chatPrompt: ${what} cannot be written.`, expected, got: shown(got), fix });

/** Messages at either end of a conversation whose ends are looked for: to look for all of them takes the square of their number. */
const [FIRST, LAST] = [2, 8];

/**
 * Where the first two and the last eight messages end among the ids of a prompt that {@link chatPrompt} made of them: places at which a state
 * may be kept and found again. The text is cut where the conversation up to a message is its beginning, and the pieces are encoded by
 * themselves: their ids must be those of the whole, or the place is none.
 */
export function messageEnds(
  tokenizer: Tokenizer,
  messages: readonly ChatMessage[],
  { text, ids }: Pick<ChatPrompt, 'text' | 'ids'>,
  options: ChatPromptOptions = {},
): number[] {
  const write = writerOf(tokenizer, options);
  const isTemplated = hasTemplate(tokenizer, options);
  const looked = messages.map((_, i) => i + 1).filter((count) => count <= FIRST || count > messages.length - LAST);
  const cuts = looked.map((count) => beginning(() => write(messages.slice(0, count), false), text));
  const places: number[] = [];
  let [from, count] = [0, 0];
  for (const cut of cuts) {
    if (cut === undefined || cut <= from || cut >= text.length) continue;
    const piece = tokenizer.encode(text.slice(from, cut), { addSpecialTokens: from === 0 && !isTemplated });
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
