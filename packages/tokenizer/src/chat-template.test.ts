import { describe, expect, it } from 'vitest';
import { fixtureTokenizer, thrown } from '../fixtures';

const CHATML =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
const messages = [
  { role: 'user', content: 'Hi' },
  { role: 'assistant', content: 'Hello' },
];

describe('applyChatTemplate', () => {
  it('writes a conversation by the template of the config', () => {
    const tokenizer = fixtureTokenizer('llama', { config: { chat_template: CHATML } });
    const text = '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n';
    expect(tokenizer.applyChatTemplate(messages)).toBe(text);
    expect(tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true })).toBe(`${text}<|im_start|>assistant\n`);
  });

  it('prefers chat_template.jinja, chooses by name, and takes one written out', () => {
    const named = [
      { name: 'default', template: 'plain' },
      { name: 'tool_use', template: '{{ tools | length }} tools' },
    ];
    const tokenizer = fixtureTokenizer('llama', { config: { chat_template: named } });
    expect(tokenizer.applyChatTemplate(messages)).toBe('plain');
    expect(tokenizer.applyChatTemplate(messages, { tools: [{}, {}] })).toBe('2 tools');
    expect(tokenizer.applyChatTemplate(messages, { template: 'tool_use', tools: [{}] })).toBe('1 tools');
    expect(tokenizer.applyChatTemplate(messages, { template: '{{ messages[0].content }}' })).toBe('Hi');
    const other = fixtureTokenizer('llama', { config: { chat_template: named }, chatTemplate: 'from the file' });
    expect(other.applyChatTemplate(messages)).toBe('from the file');
  });

  it('gives templates the special tokens and variables', () => {
    const tokenizer = fixtureTokenizer('llama', {
      config: { image_token: { content: '<image>' } },
      chatTemplate: '{{ bos_token }}{{ eos_token }}{{ image_token }}{{ who }}',
    });
    expect(tokenizer.applyChatTemplate(messages, { variables: { who: 'me' } })).toBe('<s></s><image>me');
    expect(tokenizer.encode(tokenizer.applyChatTemplate(messages), { addSpecialTokens: false })[0]).toBe(1);
  });

  it('says what is wrong', () => {
    const strict = fixtureTokenizer('llama', { chatTemplate: "{{ raise_exception('roles must alternate') }}" });
    expect(thrown(() => strict.applyChatTemplate(messages))).toMatchInlineSnapshot(`
      "TokenizerError: applyChatTemplate: the template refuses these messages or cannot be read.
        expected  a template that renders them
        got       roles must alternate
        fix       give it the messages that it asks for (many want user and assistant alternately), or another template"
    `);
    expect(thrown(() => fixtureTokenizer('llama').applyChatTemplate(messages))).toMatchInlineSnapshot(`
      "TokenizerError: applyChatTemplate: the tokenizer has no template "default".
        expected  a tokenizer that came with a template
        got       one without
        fix       load the tokenizer together with its tokenizer_config.json or chat_template.jinja, or pass a template as \`template\`"
    `);
    expect(thrown(() => strict.applyChatTemplate('hi' as never))).toMatchInlineSnapshot(`
      "TokenizerError: applyChatTemplate: \`messages\` is not a list of messages.
        expected  objects with a role
        got       "hi"
        fix       write the conversation as [{ role: 'user', content: '…' }, …]"
    `);
    expect(thrown(() => strict.applyChatTemplate([{ content: 'hi' } as never]))).toMatchInlineSnapshot(`
      "TokenizerError: applyChatTemplate: \`messages\` is not a list of messages.
        expected  objects with a role
        got       {"content":"hi"}
        fix       write the conversation as [{ role: 'user', content: '…' }, …]"
    `);
    expect(() => strict.applyChatTemplate(messages, { template: '{% if %}' })).toThrow(expect.objectContaining({ code: 'CONFIG' }));
    expect(() => strict.applyChatTemplate(messages, { template: 'rag' })).toThrow(expect.objectContaining({ code: 'CONFIG' }));
  });
});
