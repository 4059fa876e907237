import { expect, it } from 'vitest';
import { parseChatJson } from './json-number';
import { renderTemplate } from './render';

const ARGUMENTS = '{"a": 1.0, "b": [1, -0.0, 1e3, 2.5, 12345678901234567890], "c": "1.0 \\"2.0\\" {", "number": 7.0, "number_": "1.0"}';

it('keeps what Python keeps of the numbers in a JSON text', () => {
  const a = parseChatJson(ARGUMENTS);
  expect(renderTemplate('{{ a }}', { a })).toBe(
    `{'a': 1.0, 'b': [1, -0.0, 1000.0, 2.5, 12345678901234567890], 'c': '1.0 "2.0" {', 'number': 7.0, 'number_': '1.0'}`,
  );
  expect(renderTemplate('{{ a | tojson }}', { a })).toBe(
    '{"a": 1.0, "b": [1, -0.0, 1000.0, 2.5, 12345678901234567890], "c": "1.0 \\"2.0\\" {", "number": 7.0, "number_": "1.0"}',
  );
  expect(renderTemplate('{{ a.a + 1 }} {{ a.b[2] is float }} {{ a.b[0] is integer }}', { a })).toBe('2.0 True True');
});

it('is JSON.parse for everything else', () => {
  expect(JSON.stringify(parseChatJson(ARGUMENTS))).toBe(JSON.stringify(JSON.parse(ARGUMENTS)));
  const text = '{"a":[1,2.5,"1.0",null,true,{}]}';
  expect(parseChatJson(text)).toEqual(JSON.parse(text));
  for (const bad of ['{', '1.0.0', '[1.0,]']) expect(() => parseChatJson(bad)).toThrow(SyntaxError);
});
