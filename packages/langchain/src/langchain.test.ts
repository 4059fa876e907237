/** LangChain, unchanged, on a model in this process. */
import { mamba } from '@densessm/mamba';
import { disposeTree } from '@densessm/ssm-core';
import { byteTokenizer, type Tokenizer, tokenizerFromJson } from '@densessm/tokenizer';
import { InMemoryCache } from '@langchain/core/caches';
import { InMemoryChatMessageHistory } from '@langchain/core/chat_history';
import { AIMessage, ChatMessage, HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages';
import { StringOutputParser } from '@langchain/core/output_parsers';
import { ChatPromptTemplate, MessagesPlaceholder, PromptTemplate } from '@langchain/core/prompts';
import { RunnableSequence, RunnableWithMessageHistory } from '@langchain/core/runnables';
import { memory } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChatDenseSSM, DenseSSM, type DenseSSMModel } from './index';
import { messagesOf } from './messages';

const TEMPLATE =
  '{% for m in messages %}<|start|>{{ m.role }} {{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|start|>assistant {% endif %}';
/** The letter A, whatever the model thinks. */
const logitBias = { 65: 100 };

function tinyTokenizer(): Tokenizer {
  const json = byteTokenizer({ specialTokens: ['<|end|>', '<|start|>'] }).toJSON();
  return tokenizerFromJson(json, { config: { eos_token: '<|end|>', chat_template: TEMPLATE } });
}

function tinyModel(): DenseSSMModel {
  const config = mamba.parseConfig({ model_type: 'mamba', vocab_size: 258, hidden_size: 16, num_hidden_layers: 2, state_size: 4 });
  return { model: mamba, config, params: mamba.init(config, 3), tokenizer: tinyTokenizer(), source: 'tiny' };
}

let model: DenseSSMModel;
beforeAll(() => {
  model = tinyModel();
});
afterAll(async () => {
  await new ChatDenseSSM({ model }).close();
  disposeTree(model.params);
});

describe('ChatDenseSSM', () => {
  it('answers, with usage and why it ended', async () => {
    const chat = new ChatDenseSSM({ model, maxTokens: 3, logitBias });
    const answer = await chat.invoke([new SystemMessage('Be brief.'), new HumanMessage('Hi')]);
    expect(answer.text).toBe('AAA');
    const input_tokens = model.tokenizer.encode('<|start|>system Be brief.<|end|><|start|>user Hi<|end|><|start|>assistant ').length;
    expect(answer.usage_metadata).toMatchObject({ input_tokens, output_tokens: 3, total_tokens: input_tokens + 3 });
    expect(answer.response_metadata).toMatchObject({ finish_reason: 'length', model_name: 'tiny' });
    const stopped = await chat.invoke('Hi', { stop: ['AA'], maxTokens: 9 });
    expect([stopped.text, stopped.response_metadata.finish_reason]).toEqual(['', 'stop']);
  });

  it('streams the text of invoke, with usage at its end, and tells handlers of each piece', async () => {
    const chat = new ChatDenseSSM({ model, maxTokens: 5, temperature: 1, seed: 4 });
    const whole = await chat.invoke('Hello');
    const told: string[] = [];
    const stream = await chat.stream('Hello', { callbacks: [{ handleLLMNewToken: (token) => void told.push(token) }] });
    let sum: Awaited<ReturnType<typeof chat.invoke>> | undefined;
    for await (const chunk of stream) sum = sum ? sum.concat(chunk) : chunk;
    expect([sum?.text, told.join('')]).toEqual([whole.text, whole.text]);
    expect(sum?.usage_metadata).toMatchObject({ output_tokens: whole.usage_metadata?.output_tokens });
    expect(sum?.response_metadata).toMatchObject({ finish_reason: 'length' });
  });

  it('stops the model when it is aborted', async () => {
    const chat = new ChatDenseSSM({ model, maxTokens: 1e6, logitBias });
    await expect(chat.invoke('Hi', { signal: AbortSignal.timeout(50) })).rejects.toThrow(/abort|timeout/i);
    const abort = new AbortController();
    const stream = await chat.stream('Hi', { signal: abort.signal });
    await expect(
      (async () => {
        for await (const _ of stream) abort.abort();
      })(),
    ).rejects.toThrow(/abort/i);
    await chat.close(); // which waits for every answer that was begun
  });

  it('names itself and its sampling to traces and caches', async () => {
    const cache = new InMemoryCache();
    const chat = new ChatDenseSSM({ model, maxTokens: 2, logitBias, cache });
    const [first, again, other] = [await chat.invoke('Hi'), await chat.invoke('Hi'), await chat.invoke('Hi', { logitBias: { 66: 100 } })];
    expect([first.text, again.text, other.text]).toEqual(['AA', 'AA', 'BB']);
    expect(again.usage_metadata?.total_tokens).toBe(0); // as LangChain marks what it remembered
    expect(chat.getLsParams({ maxTokens: 7 })).toMatchObject({ ls_provider: 'densessm', ls_model_name: 'tiny', ls_max_tokens: 7 });
    expect(chat.invocationParams()).toEqual({ model: 'tiny', maxTokens: 2, logitBias });
  });

  it('reads every kind of message, and refuses what is not text', async () => {
    const call = { id: '1', name: 'weather', args: { place: 'Rome' }, type: 'tool_call' as const };
    const messages = [
      new HumanMessage({ content: [{ type: 'text', text: 'Hi' }] }),
      new AIMessage({ content: '', tool_calls: [call] }),
      new ToolMessage({ content: 'warm', tool_call_id: '1' }),
      new ChatMessage('Well.', 'critic'),
    ];
    expect(messagesOf(messages)).toEqual([
      { role: 'user', content: 'Hi' },
      {
        role: 'assistant',
        content: '',
        tool_calls: [{ id: '1', type: 'function', function: { name: 'weather', arguments: { place: 'Rome' } } }],
      },
      { role: 'tool', content: 'warm', tool_call_id: '1' },
      { role: 'critic', content: 'Well.' },
    ]);
    const image = new HumanMessage({ content: [{ type: 'image_url', image_url: 'data:,' }] });
    await expect(new ChatDenseSSM({ model }).invoke([image])).rejects.toMatchObject({ code: 'OPTION' });
  });
});

describe('a chain', () => {
  it('goes from a prompt to a text, whole, in parts and many at once', async () => {
    const prompt = ChatPromptTemplate.fromMessages([
      ['system', 'Answer in {language}.'],
      ['human', '{question}'],
    ]);
    const chain = prompt.pipe(new ChatDenseSSM({ model, maxTokens: 4 })).pipe(new StringOutputParser());
    const inputs = ['Hi', 'Why?', 'When?'].map((question) => ({ language: 'Latin', question }));
    const texts = await chain.batch(inputs);
    expect(await chain.invoke(inputs[1] as (typeof inputs)[number])).toBe(texts[1]);
    let text = '';
    for await (const part of await chain.stream(inputs[2] as (typeof inputs)[number])) text += part;
    expect(text).toBe(texts[2]);
  });

  it('remembers a conversation, which is not read again', async () => {
    const history = new InMemoryChatMessageHistory();
    const prompt = ChatPromptTemplate.fromMessages([new MessagesPlaceholder('history'), ['human', '{input}']]);
    const chat = new RunnableWithMessageHistory({
      runnable: prompt.pipe(new ChatDenseSSM({ model, maxTokens: 2, logitBias })),
      getMessageHistory: () => history,
      ...{ inputMessagesKey: 'input', historyMessagesKey: 'history' },
    });
    const config = { configurable: { sessionId: 'one' } };
    const first: AIMessage = await chat.invoke({ input: 'A question that is new' }, config);
    const second: AIMessage = await chat.invoke({ input: 'And?' }, config);
    expect(first.usage_metadata?.input_token_details?.cache_read).toBe(0);
    const kept = model.tokenizer.encode('<|start|>user A question that is new<|end|>').length;
    expect(second.usage_metadata?.input_token_details?.cache_read).toBe(kept);
    expect((await history.getMessages()).map(({ text }) => text)).toEqual(['A question that is new', 'AA', 'And?', 'AA']);
  });
});

describe('DenseSSM', () => {
  it('continues texts, together and in parts', async () => {
    const llm = new DenseSSM({ model, maxTokens: 6, temperature: 1, seed: 2 });
    const { generations, llmOutput } = await llm.generate(['Once', 'upon']);
    expect(llmOutput).toEqual({ tokenUsage: { promptTokens: 8, completionTokens: 12, totalTokens: 20 } });
    expect(generations[0]?.[0]?.generationInfo).toEqual({ finishReason: 'length' });
    expect(await llm.invoke('upon')).toBe(generations[1]?.[0]?.text);
    let text = '';
    for await (const part of await llm.stream('Once')) text += part;
    expect(text).toBe(generations[0]?.[0]?.text);
    expect(await llm.invoke('Once', { logitBias, stop: ['AA'] })).toBe('');
    await expect(llm.invoke('Once', { logitBias, signal: AbortSignal.timeout(50), maxTokens: 1e6 })).rejects.toThrow(/abort|timeout/i);
  });

  it('stands in a chain beside a chat model', async () => {
    const chain = RunnableSequence.from([
      PromptTemplate.fromTemplate('A title about {topic}:'),
      new DenseSSM({ model, maxTokens: 2, logitBias }),
      (title: string) => [new HumanMessage(`Write about ${title}`)],
      new ChatDenseSSM({ model, maxTokens: 3, logitBias: { 66: 100 } }),
      new StringOutputParser(),
    ]);
    expect(await chain.invoke({ topic: 'the sea' })).toBe('BBB');
  });
});

it('A model that was closed has left no tensor behind', async () => {
  const own = tinyModel();
  const before = memory().numTensors;
  const chat = new ChatDenseSSM({ model: own, maxTokens: 2 });
  await chat.batch(['a', 'b']);
  await chat.close();
  expect(memory().numTensors).toBe(before);
  disposeTree(own.params);
});
