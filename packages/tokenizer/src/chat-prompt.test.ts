import { describe, expect, it } from 'vitest';
import { chatPrompt, messageEnds } from './chat-prompt';
import { tokenizerFromJson } from './from-json';
import { byteTokenizer } from './small';

const TEMPLATE =
  '{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}';
const bytes = byteTokenizer({ specialTokens: ['<|end|>'] });
const templated = tokenizerFromJson(bytes.toJSON(), { config: { eos_token: '<|end|>', chat_template: TEMPLATE } });
const messages = [
  { role: 'system', content: 'Be brief.' },
  {
    role: 'user',
    content: [
      { type: 'text', text: 'H' },
      { type: 'text', text: 'i' },
    ],
  },
  { role: 'assistant', content: 'Yes?' },
  { role: 'tool', content: null },
];
const LINES = 'Be brief.\n\nUser: Hi\nAssistant: Yes?\nUser: \nAssistant:';

describe('a conversation', () => {
  it('is written by the template, which begins and ends texts itself', () => {
    const prompt = chatPrompt(templated, [{ role: 'user', content: 'Hi' }]);
    expect(prompt).toMatchObject({ text: '<user>Hi<|end|><assistant>', stop: [], trimsStart: false });
    expect(prompt.ids).toEqual(templated.encode(prompt.text, { addSpecialTokens: false }));
    expect(chatPrompt(bytes, [{ role: 'user', content: 'Hi' }], { template: '{{ messages[0].content }}!' }).text).toBe('Hi!');
  });

  it('is written as lines without one, and ends where the user speaks again', () => {
    expect(chatPrompt(bytes, messages)).toMatchObject({ text: LINES, stop: ['\nUser:'], trimsStart: true });
  });

  it.each([
    ['no list', 'Hi'],
    ['an empty list', []],
    ['an image', [{ role: 'user', content: [{ type: 'image_url' }] }]],
  ])('is no %s', (_, wrong) => {
    expect(() => chatPrompt(bytes, wrong as never)).toThrow(expect.objectContaining({ name: 'TokenizerError', code: 'OPTION' }));
  });
});

describe('the ends of messages', () => {
  it('are where the conversation up to each of them is written so', () => {
    const plain = chatPrompt(bytes, messages);
    expect(messageEnds(bytes, messages, plain).map((place) => plain.text.slice(0, place))).toEqual([
      'Be brief.\n',
      'Be brief.\n\nUser: Hi',
      'Be brief.\n\nUser: Hi\nAssistant: Yes?',
      'Be brief.\n\nUser: Hi\nAssistant: Yes?\nUser: ',
    ]);
    const two = [messages[0], messages[2]].map((one) => ({ ...one, role: one?.role ?? '' }));
    const prompt = chatPrompt(templated, two);
    const cuts = messageEnds(templated, two, prompt).map((place) => templated.decode(prompt.ids.slice(0, place)));
    expect(cuts).toEqual(['<system>Be brief.<|end|>', '<system>Be brief.<|end|><assistant>Yes?<|end|>']);
  });

  it('are not looked for in the middle of a long conversation', () => {
    const long = Array.from({ length: 40 }, (_, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content: String(i) }));
    const prompt = chatPrompt(templated, long);
    expect(messageEnds(templated, long, prompt)).toHaveLength(10);
  });

  it('are none where a token reaches across', () => {
    const model = { type: 'BPE', vocab: { a: 0, b: 1, c: 2, bc: 3 }, merges: ['b c'] };
    const chat_template = '{% for m in messages %}{{ m.content }}{% endfor %}';
    const merging = tokenizerFromJson({ model }, { config: { chat_template } });
    const crossed = ['a', 'b', 'c'].map((content) => ({ role: 'user', content }));
    const prompt = chatPrompt(merging, crossed);
    expect(prompt.ids).toEqual([0, 3]);
    expect(messageEnds(merging, crossed, prompt)).toEqual([1]);
  });
});
