import { mamba } from '@densessm/mamba';
import { disposeTree } from '@densessm/ssm-core';
import { tokenizerFromJson } from '@densessm/tokenizer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHandler, type Handler } from '../handler';
import type { ServedModel } from '../served-model';
import { get, jsonOf, post, tinyModel, tinyTokenizer } from '../test-support/tiny-model';
import { inputOf } from './response-input';

/** Shows calls, and whose outputs there are. */
const TEMPLATE =
  '{% for m in messages %}<{{ m.role }}>{{ m.content }}{% for c in m.tool_calls %}[{{ c.id }} {{ c.function.name }} {{ c.function.arguments }}]{% endfor %}{{ m.tool_call_id }}{% endfor %}';

let model: ServedModel;
let handler: Handler;
beforeAll(async () => {
  const tokenizer = tokenizerFromJson(tinyTokenizer().toJSON(), { config: { eos_token: '<|end|>', chat_template: TEMPLATE } });
  model = tinyModel(mamba, { tokenizer });
  handler = createHandler(model);
  await get(handler, '/health');
});
afterAll(async () => {
  await handler.close();
  disposeTree(model.params);
});

const call = (id: string) => ({ type: 'function_call', id: `fc_${id}`, call_id: id, name: 'warmth', arguments: '{"place":"Rome"}' });
const conversation = [
  { role: 'user', content: 'Warm?' },
  { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Let me see.' }] },
  ...[call('a'), call('b')],
  { type: 'function_call_output', call_id: 'a', output: '31' },
  { type: 'function_call_output', call_id: 'b', output: [{ type: 'input_text', text: '32' }] },
];

describe('calls of functions in the input of a response', () => {
  const asInChat = (id: string) => ({ id, type: 'function', function: { name: 'warmth', arguments: '{"place":"Rome"}' } });

  it('are the messages that a chat would have', () => {
    expect(inputOf({ input: conversation })).toEqual([
      { role: 'user', content: 'Warm?' },
      { role: 'assistant', content: 'Let me see.', tool_calls: [asInChat('a'), asInChat('b')] },
      { role: 'tool', tool_call_id: 'a', content: '31' },
      { role: 'tool', tool_call_id: 'b', content: '32' },
    ]);
  });

  it('are read by the model as in a chat', async () => {
    const options = { temperature: 0, ignore_eos: true };
    const response = await jsonOf(await post(handler, '/v1/responses', { ...options, input: conversation, max_output_tokens: 4 }));
    const messages = inputOf({ input: conversation });
    const chat = await jsonOf(await post(handler, '/v1/chat/completions', { ...options, messages, max_tokens: 4 }));
    expect(response.output[0].content[0].text).toBe(chat.choices[0].message.content);
    expect(response.usage.input_tokens).toBe(chat.usage.prompt_tokens);
    expect(response.usage.input_tokens).toBe(model.tokenizer.encode(model.tokenizer.applyChatTemplate(messages)).length);
  });
});

it.each([
  [{ input: [{ type: 'reasoning', summary: [] }] }, 'input', 'unsupported_parameter'],
  [
    {
      input: [
        { role: 'user', content: 'a' },
        { type: 'item_reference', id: 'x' },
      ],
    },
    'input',
    'unsupported_parameter',
  ],
  [{ input: [{ type: 5 }] }, 'input', 'unsupported_parameter'],
  [{ input: [] }, 'input', null],
  [{ input: ['a'] }, 'input[0].role', null],
  [{ input: [{ type: 'function_call', call_id: 'a', name: 'f' }] }, 'input[0].arguments', null],
  [{ input: [{ type: 'function_call_output', output: 'x' }] }, 'input[0].call_id', null],
  [
    { input: [{ type: 'function_call_output', call_id: 'a', output: [{ type: 'input_image' }] }] },
    'input[0].output',
    'unsupported_parameter',
  ],
  [{ input: 'a', conversation: 'conv_1' }, 'conversation', 'unsupported_parameter'],
  [{ input: 'a', conversation: { id: 'conv_1' } }, 'conversation', 'unsupported_parameter'],
  [{ input: 'a', prompt: { id: 'pmpt_1' } }, 'prompt', 'unsupported_parameter'],
  [{ input: 'a', tools: [{ type: 'web_search' }] }, 'tools', 'unsupported_parameter'],
])('A response never leaves out what it was given: %j', async (body, param, code) => {
  const answer = await post(handler, '/v1/responses', { ...body, max_output_tokens: 1 });
  expect([answer.status, (await jsonOf(answer)).error]).toMatchObject([400, { param, code }]);
});
