import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { memory, setBackend } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../io';
import { openModel } from '../../model/open-model';
import { fakeIo, run } from '../../test-support/fake-io';
import { testFolder, writeTinyModel } from '../../test-support/tiny-model';
import { Conversation, type ConversationOptions } from './conversation';

let folder: Awaited<ReturnType<typeof testFolder>>;
const at = (...names: string[]): string => join(folder.path, ...names);
const TEMPLATE =
  '{% for m in messages %}[{{ m.role }}]{{ m.content }}<|endoftext|>{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}';
/** Writes earlier answers otherwise than they were given. */
const REWRITING = '{% for m in messages %}{{ m.content | upper }};{% endfor %}';

beforeAll(async () => {
  folder = await testFolder();
  await writeTinyModel(at('plain'));
  await writeTinyModel(at('template'), { tokenizerConfig: { chat_template: TEMPLATE, eos_token: '<|endoftext|>' } });
  await writeTinyModel(at('rewriting'), { tokenizerConfig: { chat_template: REWRITING } });
  await writeTinyModel(at('mute'), { tokenizer: null });
});
afterAll(() => folder.remove());

const chat = (lines: readonly string[], ...argv: string[]) =>
  run(['chat', ...argv, '--max-tokens', '5', '--temperature', '0'], { cwd: folder.path, stdin: lines.map((line) => `${line}\n`).join('') });

async function withConversation(
  name: string,
  options: Partial<ConversationOptions>,
  action: (conversation: Conversation, say: (text: string, abortAfter?: number) => Promise<string>) => Promise<void>,
): Promise<void> {
  await setBackend('wasm');
  const before = memory().numTensors;
  const model = await openModel(fakeIo({ cwd: folder.path }), name, { device: 'wasm' });
  const conversation = new Conversation(model, { style: 'plain', sampling: { maxTokens: 6, temperature: 0, eosIds: [256] }, ...options });
  await action(conversation, async (text, abortAfter = Infinity) => {
    const controller = new AbortController();
    let [answer, parts] = ['', 0];
    for await (const part of conversation.say(text, controller.signal)) {
      answer += part;
      if (++parts === abortAfter) controller.abort();
    }
    return answer;
  });
  conversation.dispose();
  model.dispose();
  expect(memory().numTensors, 'tensors left behind').toBe(before);
}

describe('a conversation', () => {
  it('holds the text that its template writes, token for token', async () => {
    await withConversation('template', { style: 'template', system: 'Be brief.' }, async (conversation, say) => {
      const first = await say('Hello');
      const { text } = conversation.transcript;
      expect(text).toContain('[system]Be brief.<|endoftext|>[user]Hello<|endoftext|>[assistant]');
      expect(text.endsWith(first) || text.endsWith(`${first}<|endoftext|>`)).toBe(true);
      const second = await say('More');
      const model = await openModel(fakeIo({ cwd: folder.path }), 'template', { device: 'wasm' });
      const afresh = new Conversation(model, { style: 'plain', sampling: { maxTokens: 6, temperature: 0, eosIds: [256] } });
      let again = '';
      const asked = conversation.transcript.text.slice(0, conversation.transcript.text.lastIndexOf('[assistant]') + '[assistant]'.length);
      for await (const part of afresh.say(asked, new AbortController().signal)) again += part;
      expect(again).toBe(second);
      afresh.dispose();
      model.dispose();
    });
  });

  it('reads all again where the template rewrites what was said', async () => {
    await withConversation('rewriting', { style: 'template' }, async (conversation, say) => {
      await say('abc');
      await say('def');
      expect(conversation.transcript.text).toMatch(/^ABC;/);
      expect(conversation.transcript.text).toContain(';DEF;');
    });
  });

  it('leaves the stop string of its turns out', async () => {
    const bias = { 10: 90 }; // a line break at once, then what follows it
    await withConversation(
      'plain',
      { style: 'turns', sampling: { maxTokens: 3, temperature: 0, logitBias: bias, stop: '\n\n' } },
      async (conversation, say) => {
        expect(await say('Hi')).toBe('');
        expect(conversation.transcript.text).toBe('User: Hi\nAssistant:');
        expect(conversation.tokenCount).toBe('User: Hi\nAssistant:'.length);
      },
    );
  });

  it('takes turns back, and is where it was', async () => {
    await withConversation('plain', {}, async (conversation, say) => {
      await say('one');
      const before = conversation.transcript;
      const answer = await say('two');
      expect(conversation.undo()).toBe('two');
      expect(conversation.transcript).toEqual(before);
      expect(await say('two')).toBe(answer);
      conversation.undo();
      conversation.undo();
      expect([conversation.undo(), conversation.tokenCount]).toEqual([undefined, 0]);
      await say('one');
      conversation.reset();
      expect([conversation.tokenCount, conversation.undoCount]).toEqual([0, 0]);
    });
  });

  it('keeps what came before an answer was stopped', async () => {
    await withConversation('plain', {}, async (conversation, say) => {
      const answer = await say('one', 2);
      expect(conversation.tokenCount).toBe('one'.length + 2);
      expect(conversation.transcript.text).toBe(`one${answer}`);
      expect(conversation.undoCount).toBe(1);
    });
  });

  it('has said nothing where an answer is left in the middle', async () => {
    await withConversation('template', { style: 'template' }, async (conversation, say) => {
      await say('one');
      const before = conversation.transcript;
      const left = conversation.say('two', new AbortController().signal);
      await left.next();
      await left.return('aborted');
      expect(conversation.transcript).toEqual(before);
    });
  });
});

describe('densessm chat', () => {
  it('answers a line for a line, and obeys commands', async () => {
    const { code, stdout, stderr } = await chat(['Hello', '/undo', 'Hello', '/stats', '', '/nope', '//x', '/exit', 'never read'], 'plain');
    expect(code).toBe(EXIT.fine);
    const [first, second] = stdout.split('\n');
    expect(first).toBe(second);
    expect(stderr).toMatch(
      /^the last turn is taken back\n10 tokens so far, in a state of 1\.79 kB; 1 turns to take back\nthere is no \/nope/,
    );
  });

  it('keeps a conversation and goes on with it', async () => {
    const whole = await chat(['one', 'two'], 'template');
    const saving = await chat(['one', '/save talk.json', '/save talk.json', '/save! talk.json', '/save'], 'template');
    expect(saving.stderr).toBe(
      'saved in talk.json\ntalk.json exists; /save! talk.json replaces it\nsaved in talk.json\nname a file: /save talk.json\n',
    );
    const later = await chat(['two'], 'template', '--load', 'talk.json');
    expect(`${saving.stdout}${later.stdout}`).toBe(whole.stdout);
    expect((await chat(['/load talk.json', 'two'], 'template')).stdout).toBe(later.stdout);
    expect(JSON.parse(await readFile(at('talk.json'), 'utf8')).messages[0]).toEqual({ role: 'user', content: 'one' });
  });

  it('tells mistakes and goes on', async () => {
    await writeFile(at('other.json'), '{}');
    const { code, stderr } = await chat(['/load none.json', '/load other.json', '/load', '/retry', '/undo', '/help'], 'plain');
    expect(code).toBe(EXIT.fine);
    for (const words of [
      'none.json cannot be opened',
      'other JSON',
      'name a file',
      'nothing to answer again',
      'nothing to take back',
      '/reset',
    ])
      expect(stderr).toContain(words);
  });

  it.each([
    ['a model without tokenizer', ['mute'], EXIT.failure, 'has no tokenizer'],
    ['a template that is not there', ['plain', '--style', 'template'], EXIT.usage, 'no chat template'],
    ['a style that is none', ['plain', '--style', 'poem'], EXIT.usage, 'template, turns, plain'],
    ['a conversation of another model', ['plain', '--load', 'talk.json'], EXIT.failure, 'of another model'],
  ])('refuses %s', async (_, argv, code, message) => {
    await writeTinyModel(at('plain'), { tokenizerConfig: {} });
    if (argv.includes('--load'))
      await writeTinyModel(at('plain'), {
        config: { model_type: 'mamba', vocab_size: 257, hidden_size: 8, num_hidden_layers: 1, state_size: 4 },
      });
    expect(await chat(['x'], ...argv)).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) });
  });
});
