import type { ChatMessage } from '@densessm/tokenizer';
import { contentOf, messageOf } from '../conversation';
import { badField, unsupported } from '../errors';
import { type Body, given, isObject, listIn, objectIn } from '../fields';
import { refuseUnserved } from '../sampling';

/** Refuses what would change the answer and is not served. @throws ApiError 400 */
export function refuseUnservedResponse(body: Body): void {
  refuseUnserved(body);
  const format = objectIn(objectIn(body, 'text') ?? {}, 'format');
  if (format && given(format, 'type') !== 'text') throw unsupported('text.format', 'A format other than text');
  if (given(body, 'conversation') !== undefined)
    throw unsupported('conversation', "A stored conversation other than 'previous_response_id'");
  if (given(body, 'prompt') !== undefined) throw unsupported('prompt', 'A stored prompt');
}

/** `tools`, which are functions. @throws ApiError 400 */
export function functionsIn(body: Body): readonly unknown[] {
  const tools = listIn(body, 'tools') ?? [];
  if (tools.every((tool) => isObject(tool) && tool.type === 'function')) return tools;
  throw unsupported('tools', 'A tool that is not a function');
}

/** `input`: a text, or a list of messages, function calls and their outputs, as a chat has them. @throws ApiError 400 */
export function inputOf(body: Body): ChatMessage[] {
  const input = given(body, 'input');
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  if (!Array.isArray(input) || input.length === 0) throw badField('input', 'a string or a list of at least one message');
  const messages: ChatMessage[] = [];
  for (const [i, item] of input.entries()) {
    const message = itemOf(item, `input[${i}]`);
    const last = messages.at(-1);
    // the calls of one turn, and the text before them, are one message of a chat
    if (message.tool_calls && last?.role === 'assistant') messages[messages.length - 1] = { ...last, tool_calls: callsOf(last, message) };
    else messages.push(message);
  }
  return messages;
}

const callsOf = (...messages: ChatMessage[]): unknown[] =>
  messages.flatMap(({ tool_calls }) => (tool_calls as unknown[] | undefined) ?? []);

function itemOf(item: unknown, param: string): ChatMessage {
  const fields = isObject(item) ? item : {};
  const type = given(fields, 'type') ?? 'message';
  if (type === 'message') return messageOf({ role: fields.role, content: fields.content }, param);
  if (type === 'function_call') {
    const [name, text] = [textOf(fields, 'name', param), textOf(fields, 'arguments', param)];
    const call = { id: textOf(fields, 'call_id', param), type: 'function', function: { name, arguments: text } };
    return { role: 'assistant', content: '', tool_calls: [call] };
  }
  if (type === 'function_call_output')
    return { role: 'tool', tool_call_id: textOf(fields, 'call_id', param), content: contentOf(fields.output, `${param}.output`) };
  throw unsupported('input', `An item of type ${JSON.stringify(type).slice(0, 100)}`);
}

function textOf(item: Body, name: string, param: string): string {
  const value = given(item, name);
  if (typeof value === 'string') return value;
  throw badField(`${param}.${name}`, 'a string');
}
