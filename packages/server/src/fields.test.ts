import { tokenizerFromJson } from '@densessm/tokenizer';
import { expect, it } from 'vitest';
import { readBody } from './fields';

const bodyOf = (text: string) =>
  readBody(new Request('http://localhost/', { method: 'POST', headers: { 'content-type': 'application/json' }, body: text }), 10_000);

it('keeps for the chat template how the numbers of tools and calls were written, and nothing else', async () => {
  const call = '{"function": {"name": "f", "arguments": {"x": 1.0, "n": 2}}}';
  const body = await bodyOf(`{"temperature": 1.0, "messages": [{"role": "assistant", "tool_calls": [${call}]}]}`);
  expect(body.temperature).toBe(1);
  const json = { model: { type: 'BPE', vocab: { a: 0 }, merges: [] } };
  const tokenizer = tokenizerFromJson(json, { config: { chat_template: '{{ messages[0].tool_calls[0].function.arguments | tojson }}' } });
  expect(tokenizer.applyChatTemplate(body.messages as never)).toBe('{"x": 1.0, "n": 2}');
});
