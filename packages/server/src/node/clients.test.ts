/** The clients of others, unchanged, over HTTP. */
import { execFile } from 'node:child_process';
import { request as httpRequest } from 'node:http';
import { promisify } from 'node:util';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { mamba } from '@densessm/mamba';
import { disposeTree } from '@densessm/ssm-core';
import { ChatOpenAI } from '@langchain/openai';
import { generateText, streamText } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHandler } from '../handler';
import type { ServedModel } from '../served-model';
import { tinyModel } from '../test-support/tiny-model';
import { listen, type RunningServer } from './listen';

const apiKey = 'a-key';
/** The letter A, whatever the model thinks. */
const logit_bias = { 65: 100 };
let model: ServedModel;
let server: RunningServer;
let openai: OpenAI;

beforeAll(async () => {
  model = tinyModel(mamba);
  server = await listen(createHandler(model, { name: 'tiny', apiKeys: [apiKey], maxTokens: 100_000 }), { port: 0 });
  openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });
});
afterAll(async () => {
  await server.close();
  disposeTree(model.params);
});

describe('openai', () => {
  const messages = [{ role: 'user' as const, content: 'Hi' }];

  it('lists models, completes and chats', async () => {
    expect((await openai.models.list()).data.map(({ id }) => id)).toEqual(['tiny']);
    const completion = await openai.completions.create({ model: 'tiny', prompt: 'a', max_tokens: 3, logit_bias, logprobs: 1 });
    expect(completion.choices[0]).toMatchObject({ text: 'AAA', finish_reason: 'length', logprobs: { tokens: ['A', 'A', 'A'] } });
    const chat = await openai.chat.completions.create({ model: 'tiny', messages, max_tokens: 2, logit_bias });
    expect(chat.choices[0]?.message.content).toBe('AA');
  });

  it('streams, and stops the server when it leaves', async () => {
    const stream = await openai.chat.completions.create({
      ...{ model: 'tiny', messages, max_tokens: 3, logit_bias },
      ...{ stream: true as const, stream_options: { include_usage: true } },
    });
    let [text, tokens] = ['', 0];
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      tokens = chunk.usage?.completion_tokens ?? tokens;
    }
    expect([text, tokens]).toEqual(['AAA', 3]);
    const endless = await openai.completions.create({ model: 'tiny', prompt: 'a', max_tokens: 100_000, logit_bias, stream: true });
    for await (const _ of endless) break;
    const processing = async () => /^densessm_requests_processing (\d+)/m.exec(await metrics())?.[1];
    await expect.poll(processing).toBe('0');
  });

  it('uses responses, and continues from one', async () => {
    const first = await openai.responses.create({ model: 'tiny', input: 'Hi', max_output_tokens: 4 });
    const stream = openai.responses.stream({ model: 'tiny', input: 'And?', previous_response_id: first.id, max_output_tokens: 4 });
    let text = '';
    for await (const event of stream) if (event.type === 'response.output_text.delta') text += event.delta;
    const second = await stream.finalResponse();
    expect(second.output_text).toBe(text);
    expect(second.usage?.input_tokens_details.cached_tokens).toBeGreaterThan(0);
  });

  it('knows our errors as its own', async () => {
    const wrong = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'other', maxRetries: 0 });
    await expect(wrong.models.list()).rejects.toThrow(OpenAI.AuthenticationError);
    await expect(openai.completions.create({ model: 'other', prompt: 'a' })).rejects.toThrow(OpenAI.NotFoundError);
    await expect(openai.completions.create({ model: 'tiny', prompt: 'a', temperature: -1 })).rejects.toMatchObject({
      status: 400,
      param: 'temperature',
    });
  });
});

const metrics = async (): Promise<string> =>
  (await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${apiKey}` } })).text();

describe('ai with @ai-sdk/openai-compatible', () => {
  it('generates and streams text, with usage', async () => {
    const provider = createOpenAICompatible({ name: 'densessm', baseURL: `${server.url}/v1`, apiKey, includeUsage: true });
    const options = { model: provider('tiny'), prompt: 'Hello there', maxOutputTokens: 4, seed: 3, temperature: 1 };
    const whole = await generateText(options);
    const streamed = streamText(options);
    let text = '';
    for await (const part of streamed.textStream) text += part;
    expect(text).toBe(whole.text);
    expect((await streamed.usage).outputTokens).toBe(whole.usage.outputTokens);
    expect(whole.usage.inputTokens).toBeGreaterThan(10);
  });
});

describe('@langchain/openai', () => {
  it('invokes and streams', async () => {
    const chat = new ChatOpenAI({
      model: 'tiny',
      apiKey,
      configuration: { baseURL: `${server.url}/v1` },
      maxTokens: 4,
      temperature: 0,
      maxRetries: 0,
    });
    const whole = await chat.invoke('Hi');
    let text = '';
    for await (const chunk of await chat.stream('Hi')) text += chunk.text;
    expect(text).toBe(whole.text);
    expect(whole.usage_metadata?.output_tokens).toBeGreaterThan(0);
  });
});

describe('curl', () => {
  const curl = async (path: string, ...flags: string[]): Promise<string> => {
    const all = [
      '--silent',
      '--show-error',
      '--noproxy',
      '*',
      '--header',
      `Authorization: Bearer ${apiKey}`,
      ...flags,
      `${server.url}${path}`,
    ];
    return (await promisify(execFile)('curl', all)).stdout;
  };
  const json = (body: object): string[] => ['--header', 'Content-Type: application/json', '--data', JSON.stringify(body)];

  it('completes, chats as a stream and reads errors', async () => {
    const completion = await curl('/v1/completions', ...json({ prompt: 'a', max_tokens: 3, logit_bias }));
    expect(JSON.parse(completion).choices[0].text).toBe('AAA');
    const chat = { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 2, logit_bias, stream: true };
    expect(await curl('/v1/chat/completions', '--no-buffer', ...json(chat))).toMatch(/^data: \{.*\n\n(?:data: .*\n\n)+data: \[DONE\]\n\n$/);
    expect(JSON.parse(await curl('/v1/completions', '--data', '{}')).error.message).toMatch(/application\/json/);
    expect(await curl('/health', '--output', '/dev/null', '--write-out', '%{http_code}')).toBe('200');
  });
});

describe('a server on this machine', () => {
  it('is bound to 127.0.0.1, and refuses another Host', async () => {
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const status = await new Promise((resolve) => {
      httpRequest(`${server.url}/health`, { headers: { host: 'evil.example' } }, (response) => resolve(response.resume().statusCode)).end();
    });
    expect(status).toBe(403);
  });

  it('says where a port is taken', async () => {
    const port = Number(new URL(server.url).port);
    await expect(listen(createHandler(model), { port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
