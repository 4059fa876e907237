import { renderTemplate } from './chat/render';
import { shown, TokenizerError } from './errors';
import { isObject } from './json';

/** One turn of a conversation; templates may know more keys, such as `tool_calls`. */
export interface ChatMessage {
  role: string;
  content?: unknown;
  [key: string]: unknown;
}

export interface ChatOptions {
  /** Ends the text with what begins an answer. Default false. */
  addGenerationPrompt?: boolean;
  /** Which of several named templates; or none of them but this one, written out. Default 'default'. */
  template?: string;
  /** Descriptions of the functions that the model may call. */
  tools?: readonly unknown[];
  documents?: readonly unknown[];
  /** More variables for the template. */
  variables?: Readonly<Record<string, unknown>>;
}

/** Templates by name. */
export type ChatTemplates = ReadonlyMap<string, string>;

/** The templates of a tokenizer_config.json: one text, or a list of `{ name, template }`. */
export function readChatTemplates(value: unknown): Map<string, string> {
  if (typeof value === 'string') return new Map([['default', value]]);
  const templates = new Map<string, string>();
  for (const one of Array.isArray(value) ? value : [])
    if (isObject(one) && typeof one.name === 'string' && typeof one.template === 'string') templates.set(one.name, one.template);
  return templates;
}

/**
 * Renders a conversation.
 * @throws TokenizerError OPTION where messages or options have no meaning, CONFIG where there is no template or it fails
 */
export function renderChat(
  templates: ChatTemplates,
  messages: readonly ChatMessage[],
  options: ChatOptions,
  tokens: Readonly<Record<string, string>>,
): string {
  checkMessages(messages);
  const source = chooseTemplate(templates, options);
  try {
    return renderTemplate(source, {
      ...tokens,
      ...options.variables,
      messages,
      tools: options.tools ?? null,
      documents: options.documents ?? null,
      add_generation_prompt: options.addGenerationPrompt ?? false,
    });
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    const fix = 'give it the messages that it asks for (many want user and assistant alternately), or another template';
    const what = 'applyChatTemplate: the template refuses these messages or cannot be read.';
    throw new TokenizerError({ code: 'CONFIG', what, expected: 'a template that renders them', got, fix }, { cause });
  }
}

function checkMessages(messages: readonly ChatMessage[]): void {
  const bad = Array.isArray(messages) ? messages.find((one) => !isObject(one) || typeof one.role !== 'string') : messages;
  if (Array.isArray(messages) && bad === undefined) return;
  const fix = "write the conversation as [{ role: 'user', content: '…' }, …]";
  const what = 'applyChatTemplate: `messages` is not a list of messages.';
  throw new TokenizerError({ code: 'OPTION', what, expected: 'objects with a role', got: shown(bad), fix });
}

function chooseTemplate(templates: ChatTemplates, { template, tools }: ChatOptions): string {
  const name = template ?? (tools && templates.has('tool_use') ? 'tool_use' : 'default');
  const source = templates.get(name) ?? (template !== undefined && /\{[{%]/.test(template) ? template : undefined);
  if (source !== undefined) return source;
  throw new TokenizerError({
    code: 'CONFIG',
    what: `applyChatTemplate: the tokenizer has no template ${shown(name)}.`,
    expected: templates.size > 0 ? `one of ${[...templates.keys()].map(shown).join(', ')}` : 'a tokenizer that came with a template',
    got: templates.size > 0 ? shown(name) : 'one without',
    fix: 'load the tokenizer together with its tokenizer_config.json or chat_template.jinja, or pass a template as `template`',
  });
}
