import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MambaConfig, type MambaParams, mamba } from '@densessm/mamba';
import { savePretrained, startBackend } from '@densessm/runtime-node';
import { disposeTree } from '@densessm/ssm-core';
import { byteTokenizer } from '@densessm/tokenizer';
import { memory } from '@tensorflow/tfjs-core';
import { afterAll, afterEach, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { type LanguageModel, loadModel } from './node';

const VOCABULARY = 257;
const tokenizer = byteTokenizer();
let folder: string;
let open: LanguageModel[] = [];

/** A model that is disposed of after the test. */
async function load(...given: Parameters<typeof loadModel>): Promise<LanguageModel> {
  const model = await loadModel(...given);
  open.push(model as LanguageModel);
  return model as LanguageModel;
}

async function writeModel(path: string, files: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const json = {
    model_type: 'mamba',
    vocab_size: VOCABULARY,
    hidden_size: 16,
    num_hidden_layers: 2,
    state_size: 4,
    tie_word_embeddings: true,
  };
  const config = mamba.parseConfig(json);
  const params = mamba.init(config, 3);
  await savePretrained(path, { model: mamba, config, params });
  disposeTree(params);
  const all = { 'tokenizer.json': tokenizer.toJSON(), ...files };
  for (const [name, content] of Object.entries(all))
    if (content !== undefined) await writeFile(join(path, name), typeof content === 'string' ? content : JSON.stringify(content));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'densessm-front-door-'));
  await startBackend({ device: 'wasm', threads: 1 });
  await writeModel(join(folder, 'model'));
  await writeModel(join(folder, 'run', 'checkpoint'));
});
afterEach(async () => {
  for (const model of open) await model.dispose();
  open = [];
});
afterAll(() => rm(folder, { recursive: true }));

describe('loadModel', () => {
  it('opens a model folder and continues a text', async () => {
    const model = await load(join(folder, 'model'));
    const { text, tokens } = await model.generate('Once', { maxTokens: 6, eosIds: [] });
    expect(tokens).toHaveLength(6);
    expect(text).toBe(tokenizer.decode(tokens, { skipSpecialTokens: true }));
    expect(model.device).toMatch(/^wasm: /);
  });

  it('opens the folder of a training run: its best model, else its last', async () => {
    expect((await load(join(folder, 'run'))).source).toBe(join(folder, 'run', 'checkpoint'));
    await writeModel(join(folder, 'run', 'best'));
    expect((await load(join(folder, 'run'))).source).toBe(join(folder, 'run', 'best'));
  });

  it('tells how far it has come, of a folder too', async () => {
    const steps: { file: string; loaded: number; total: number }[] = [];
    await load(join(folder, 'model'), { onProgress: (step) => steps.push(step) });
    const weights = steps.filter(({ file }) => file === 'model.safetensors').map(({ loaded, total }) => loaded / total);
    expect(weights.length).toBeGreaterThan(2);
    expect(weights).toEqual([...weights].sort((a, b) => a - b));
    expect(weights.at(-1)).toBe(1);
    expect(steps.filter(({ file }) => file === 'tokenizer.json')).toHaveLength(1);
  });

  it('streams the same text that generate returns', async () => {
    const model = await load(join(folder, 'model'), { weights: 'int8' });
    const options = { maxTokens: 12, temperature: 0.8, seed: 7, eosIds: [] };
    let text = '';
    for await (const part of model.stream('Once', options)) text += part;
    expect(text).toBe((await model.generate('Once', options)).text);
    expect(model.weights).toBe('int8');
  });

  it('goes on with a session that was saved', async () => {
    const model = await load(join(folder, 'model'));
    const session = model.session({ seed: 1 });
    await session.append('Once');
    const restored = await model.restoreSession(await session.snapshot());
    const options = { maxTokens: 5, eosIds: [] };
    expect((await restored.generate(options)).tokens).toEqual((await session.generate(options)).tokens);
    session.dispose();
    restored.dispose();
  });

  it('has the types of the models that are named, and a text that is a string where there is a tokenizer', async () => {
    const exact = await loadModel(join(folder, 'model'), { models: [mamba] });
    open.push(exact as LanguageModel);
    expectTypeOf(exact.config).toEqualTypeOf<MambaConfig>();
    expectTypeOf(exact.params).toEqualTypeOf<MambaParams>();
    const { text } = await exact.generate('a', { maxTokens: 1 });
    expectTypeOf(text).toEqualTypeOf<string>();
    const bare = await loadModel(join(folder, 'model'), { tokenizer: null });
    const without = await bare.generate([1, 2], { maxTokens: 1 });
    expectTypeOf(without.text).toEqualTypeOf<undefined>();
    expect([typeof text, without.text, bare.tokenizer]).toEqual(['string', undefined, undefined]);
    await bare.dispose();
  });

  it('names config.json first, in a folder that is no model', async () => {
    await writeFile(join(folder, 'holiday.txt'), 'no model');
    await expect(loadModel(folder)).rejects.toMatchObject({ code: 'FILE', message: expect.stringContaining('config.json is missing') });
  });

  it('frees everything on dispose, and refuses any further call', async () => {
    const before = memory().numTensors;
    const model = await loadModel(join(folder, 'model'));
    await model.dispose();
    await model.dispose();
    expect(memory().numTensors).toBe(before);
    await expect(model.generate('a')).rejects.toMatchObject({
      code: 'STATE',
      message: expect.stringContaining('the model was disposed of'),
    });
  });
});

describe('chat', () => {
  const template = '{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}';

  it('writes the conversation by the chat template', async () => {
    await writeModel(join(folder, 'templated'), { 'chat_template.jinja': template });
    const model = await load(join(folder, 'templated'));
    const options = { maxTokens: 5, eosIds: [] };
    const reply = await model.chat([{ role: 'user', content: 'Hi' }], options);
    const same = await model.generate(tokenizer.encode('<user>Hi<assistant>', { addSpecialTokens: false }), options);
    expect(reply).toMatchObject({ role: 'assistant', content: same.text.trim(), promptTokens: same.promptTokens, tokens: same.tokens });
  });

  it('writes lines of User and Assistant without a template', async () => {
    const model = await load(join(folder, 'model'));
    const options = { maxTokens: 5, eosIds: [] };
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
    ];
    const same = await model.generate('Be brief.\n\nUser: Hi\nAssistant:', options);
    expect((await model.chat(messages, options)).tokens).toEqual(same.tokens);
    let text = '';
    for await (const part of model.streamChat(messages, options)) text += part;
    expect(text).toBe(same.text);
  });

  it('draws as generation_config.json says, and generate does so when asked', async () => {
    await writeModel(join(folder, 'sampled'), {
      'generation_config.json': { do_sample: true, temperature: 0.9, top_k: 5, max_new_tokens: 3 },
    });
    const model = await load(join(folder, 'sampled'));
    expect(model.samplingDefaults).toEqual({ temperature: 0.9, topK: 5, maxTokens: 3 });
    const given = { seed: 3, eosIds: [] };
    const expected = await model.generate('a', { ...given, temperature: 0.9, topK: 5, maxTokens: 3 });
    expect((await model.generate('a', { ...given, useGenerationConfig: true })).tokens).toEqual(expected.tokens);
    expect((await model.chat([{ role: 'user', content: 'a' }], given)).tokens).toHaveLength(3);
  });

  it.each([
    ['a text', 'Hi'],
    ['an empty list', []],
    ['a list of numbers', [1, 2]],
  ])('refuses %s as a conversation', async (_, messages) => {
    const model = await load(join(folder, 'model'));
    await expect(model.chat(messages as never)).rejects.toMatchObject({ name: 'SsmError', code: 'OPTION' });
  });

  it('is what generate recommends for a list of messages', async () => {
    const model = await load(join(folder, 'model'));
    await expect(model.generate([{ role: 'user', content: 'Hi' }] as never)).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: generate: \`prompt\` is a list of messages.
        expected  text, or a list of token ids
        got       [{"role":"user","content":"Hi"}]
        fix       answer a conversation with model.chat(messages) of loadModel, or pass the text of tokenizer.applyChatTemplate(messages)]
    `);
  });
});
