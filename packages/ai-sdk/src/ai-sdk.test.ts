/** The AI SDK, unchanged, on a model in this process. */
import { mamba } from '@densessm/mamba';
import { disposeTree } from '@densessm/ssm-core';
import { byteTokenizer, type Tokenizer, tokenizerFromJson } from '@densessm/tokenizer';
import { memory } from '@tensorflow/tfjs-core';
import { generateText, jsonSchema, Output, streamText, tool } from 'ai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDenseSSM, type DenseSSMModel, type DenseSSMProvider } from './index';

const TEMPLATE =
  '{% for m in messages %}<|start|>{{ m.role }} {{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|start|>assistant {% endif %}';
/** The letter A, whatever the model thinks; and the end of the text. */
const [LETTER, END] = [{ 65: 100 }, { 256: 100 }];
const bias = (logitBias: Record<string, number>) => ({ providerOptions: { densessm: { logitBias } } });

function tinyTokenizer(hasTemplate: boolean): Tokenizer {
  const json = byteTokenizer({ specialTokens: ['<|end|>', '<|start|>'] }).toJSON();
  return tokenizerFromJson(json, { config: { eos_token: '<|end|>', ...(hasTemplate && { chat_template: TEMPLATE }) } });
}

function tinyModel(hasTemplate = true): DenseSSMModel {
  const config = mamba.parseConfig({ model_type: 'mamba', vocab_size: 258, hidden_size: 16, num_hidden_layers: 2, state_size: 4 });
  return { model: mamba, config, params: mamba.init(config, 3), tokenizer: tinyTokenizer(hasTemplate), source: 'tiny' };
}

let model: DenseSSMModel;
let densessm: DenseSSMProvider;
beforeAll(() => {
  globalThis.AI_SDK_LOG_WARNINGS = false; // the tests look at them
  model = tinyModel();
  densessm = createDenseSSM({ model });
});
afterAll(async () => {
  await densessm.close();
  disposeTree(model.params);
});

describe('generateText', () => {
  it('answers, with usage and why it ended', async () => {
    const cut = await generateText({ model: densessm(), system: 'Be brief.', prompt: 'Hi', maxOutputTokens: 3, ...bias(LETTER) });
    expect(cut).toMatchObject({ text: 'AAA', finishReason: 'length', rawFinishReason: 'length', warnings: [] });
    expect(cut.usage).toMatchObject({
      inputTokens: model.tokenizer.encode('<|start|>system Be brief.<|end|><|start|>user Hi<|end|><|start|>assistant ').length,
      outputTokens: 3,
    });
    expect(cut.response.modelId).toBe('tiny');
    const ended = await generateText({ model: densessm('tiny'), prompt: 'Hi', stopSequences: ['AA'], ...bias(LETTER) });
    expect(ended).toMatchObject({ text: '', finishReason: 'stop', rawFinishReason: 'stop' });
    expect(await generateText({ model: densessm(), prompt: 'Hi', ...bias(END) })).toMatchObject({ text: '', rawFinishReason: 'eos' });
  });

  it('draws the same with a seed, beside others', async () => {
    const draw = (seed: number) =>
      generateText({ model: densessm(), prompt: 'Hi', seed, temperature: 1, topP: 0.9, topK: 50, maxOutputTokens: 6 });
    const [one, other, same] = await Promise.all([draw(-3), draw(8), draw(-3)]);
    expect(one.text).toBe(same.text);
    expect(one.text).not.toBe(other.text);
  });

  it('says how much of a conversation that goes on was not read again', async () => {
    const messages = [{ role: 'user' as const, content: 'A first question, which is long' }];
    const options = { model: densessm(), maxOutputTokens: 2, ...bias(LETTER) };
    const first = await generateText({ ...options, messages });
    expect(first.usage.inputTokenDetails.cacheReadTokens).toBe(0);
    const next = await generateText({ ...options, messages: [...messages, ...first.response.messages, { role: 'user', content: 'And?' }] });
    const kept = model.tokenizer.encode(`<|start|>user ${messages[0]?.content}<|end|>`).length;
    expect(next.usage.inputTokenDetails).toMatchObject({ cacheReadTokens: kept, noCacheTokens: (next.usage.inputTokens ?? 0) - kept });
  });

  it('warns of what it cannot do, and does the rest', async () => {
    const image = new Uint8Array([137, 80, 78, 71]);
    const weather = tool({ description: 'Of a place', inputSchema: jsonSchema({ type: 'object', properties: {} }) });
    const { warnings, text } = await generateText({
      ...{ model: densessm(), maxOutputTokens: 2, tools: { weather } },
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image', image, mediaType: 'image/png' },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'reasoning', text: 'Hm.' },
            { type: 'tool-call', toolCallId: '1', toolName: 'weather', input: {} },
          ],
        },
        {
          role: 'tool',
          content: [{ type: 'tool-result', toolCallId: '1', toolName: 'weather', output: { type: 'json', value: { warm: true } } }],
        },
      ],
      providerOptions: { densessm: { logitBias: LETTER, mirostat: 2 } },
    });
    expect(text).toBe('AA');
    const named = warnings?.map((one) => (one.type === 'other' ? one.message : `${one.type} ${one.feature}`)).sort();
    expect(named).toEqual([
      'compatibility tools',
      'providerOptions.densessm.mirostat is not known and was ignored.',
      'unsupported files',
      'unsupported reasoning',
    ]);
  });

  it('warns that nothing makes an answer JSON, or a tool call', async () => {
    const { steps } = await generateText({
      model: densessm(),
      prompt: 'Hi',
      output: Output.json(),
      maxOutputTokens: 1,
      ...bias({ 49: 100 }),
    });
    expect(steps[0]?.warnings).toMatchObject([{ type: 'unsupported', feature: 'responseFormat' }]);
    const prompt = [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'Hi' }] }];
    const called = await densessm().doGenerate({ prompt, maxOutputTokens: 1, toolChoice: { type: 'required' } });
    expect(called.warnings).toMatchObject([{ type: 'unsupported', feature: 'toolChoice' }]);
  });

  it('rejects when it is aborted, and for an option without meaning', async () => {
    const options = { model: densessm(), prompt: 'Hi', ...bias(LETTER) };
    await expect(generateText({ ...options, abortSignal: AbortSignal.timeout(50), maxOutputTokens: 1e6 })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    await expect(generateText({ ...options, temperature: -1 })).rejects.toMatchObject({ name: 'SsmError', code: 'OPTION' });
  });
});

describe('streamText', () => {
  it('gives the text of generateText in parts, and its usage', async () => {
    const options = { model: densessm(), prompt: 'Hello there', maxOutputTokens: 5, seed: 3, temperature: 1 };
    const whole = await generateText(options);
    const streamed = streamText(options);
    const parts: string[] = [];
    for await (const part of streamed.textStream) parts.push(part);
    expect(parts.join('')).toBe(whole.text);
    expect(parts.length).toBeGreaterThan(1);
    expect((await streamed.usage).outputTokens).toBe(whole.usage.outputTokens);
    expect(await streamed.finishReason).toBe(whole.finishReason);
  });

  it('stops the model when it is aborted or left', async () => {
    const abort = new AbortController();
    const options = { model: densessm(), prompt: 'Hi', maxOutputTokens: 1e6, ...bias(LETTER) };
    const aborted = streamText({ ...options, abortSignal: abort.signal });
    const types: string[] = [];
    for await (const part of aborted.fullStream) {
      types.push(part.type);
      if (part.type === 'text-delta') abort.abort();
    }
    expect(types.at(-1)).toBe('abort');
    const left = await densessm().doStream({ prompt: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }] });
    const reader = left.stream.getReader();
    await reader.read();
    await reader.cancel();
    await densessm.close(); // which waits for every answer that was begun
  });

  it('tells of an error as a part', async () => {
    const errors: unknown[] = [];
    const streamed = streamText({ model: densessm(), prompt: 'Hi', topP: 2, onError: ({ error }) => void errors.push(error) });
    await streamed.consumeStream();
    expect(errors).toMatchObject([{ name: 'SsmError', code: 'OPTION' }]);
  });
});

describe('a provider', () => {
  it('has one model, and knows no other', () => {
    expect(densessm.languageModel()).toMatchObject({
      specificationVersion: 'v3',
      provider: 'densessm',
      modelId: 'tiny',
      supportedUrls: {},
    });
    expect(createDenseSSM({ model, modelId: 'mine' })('mine').modelId).toBe('mine');
    expect(() => densessm('gpt')).toThrow(/gpt/);
    expect(() => densessm.embeddingModel('tiny')).toThrow(/tiny/);
    expect(() => densessm.imageModel('tiny')).toThrow(/tiny/);
  });

  it('writes lines without a chat template, and leaves no tensor behind', async () => {
    const plain = tinyModel(false);
    const before = memory().numTensors;
    const provider = createDenseSSM({ model: plain });
    const first = await generateText({ model: provider(), prompt: 'Hi', maxOutputTokens: 2, ...bias({ 32: 100 }) });
    expect(first).toMatchObject({ text: '', usage: { inputTokens: 'User: Hi\nAssistant:'.length, outputTokens: 2 } });
    await provider.close();
    expect(memory().numTensors).toBe(before);
    disposeTree(plain.params);
  });
});
