import { generate } from '@densessm/generate';
import { mamba } from '@densessm/mamba';
import { disposeTree } from '@densessm/ssm-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHandler, type Handler } from './handler';
import type { ServedModel } from './served-model';
import { eventsOf, get, jsonOf, post, tinyModel } from './test-support/tiny-model';

let model: ServedModel;
let handler: Handler;
beforeAll(async () => {
  model = tinyModel(mamba);
  handler = createHandler(model, { name: 'tiny' });
  await get(handler, '/health');
});
afterAll(async () => {
  await handler.close();
  disposeTree(model.params);
});

const complete = async (body: object) => jsonOf(await post(handler, '/v1/completions', body));

describe('/v1/completions', () => {
  it('gives the text of generate, and counts', async () => {
    const answer = await complete({ prompt: 'Once', max_tokens: 8, temperature: 0, ignore_eos: true });
    const { text } = await generate(model, 'Once', { maxTokens: 8, eosIds: [] });
    expect(answer).toMatchObject({
      object: 'text_completion',
      model: 'tiny',
      choices: [{ index: 0, text, logprobs: null, finish_reason: 'length' }],
    });
    expect(answer.usage).toEqual({ prompt_tokens: 4, completion_tokens: 8, total_tokens: 12, prompt_tokens_details: { cached_tokens: 0 } });
  });

  it('draws the same with a seed, and other texts for other choices', async () => {
    const body = {
      prompt: 'Once',
      max_tokens: 6,
      seed: -5,
      n: 3,
      ignore_eos: true,
      top_p: 0.9,
      top_k: 50,
      min_p: 0.001,
      frequency_penalty: 0.5,
    };
    const [first, second] = [await complete(body), await complete(body)];
    expect(first.choices).toEqual(second.choices);
    expect(new Set(first.choices.map(({ text }: { text: string }) => text)).size).toBe(3);
  });

  it('takes all four forms of a prompt, each text at its index', async () => {
    const options = { max_tokens: 3, temperature: 0, ignore_eos: true };
    const ids = (text: string) => model.tokenizer.encode(text);
    const texts = async (prompt: unknown) => (await complete({ ...options, prompt })).choices.map(({ text }: { text: string }) => text);
    const [one, two] = [await texts('ab'), await texts('cd')];
    expect(await texts(['ab', 'cd'])).toEqual([...one, ...two]);
    expect(await texts(ids('ab'))).toEqual(one);
    expect(await texts([ids('ab'), ids('cd')])).toEqual([...one, ...two]);
    expect(await texts(Array(9).fill('cd'))).toEqual(Array(9).fill(two[0]));
  });

  it('scores a prompt as lm-evaluation-harness asks: the chosen number is exactly the largest where it is greedy', async () => {
    const prompt = model.tokenizer.encode('Once upon');
    const { choices } = await complete({ prompt: [prompt], echo: true, logprobs: 1, max_tokens: 1, temperature: 0 });
    const { tokens, token_logprobs, top_logprobs, text_offset } = choices[0].logprobs;
    expect([tokens.length, token_logprobs.length, top_logprobs.length]).toEqual([10, 10, 10]);
    expect([token_logprobs[0], top_logprobs[0], text_offset.slice(0, 3)]).toEqual([null, null, [0, 1, 2]]);
    expect(choices[0].text.startsWith('Once upon')).toBe(true);
    expect(token_logprobs[9]).toBe(Math.max(...(Object.values(top_logprobs[9]) as number[])));
    expect(token_logprobs.slice(1, 9).every((one: number) => one < 0)).toBe(true);
  });

  it('streams the same text in parts, with usage at the end', async () => {
    const body = { prompt: 'Once', max_tokens: 8, temperature: 0, ignore_eos: true };
    const whole = await complete(body);
    const response = await post(handler, '/v1/completions', { ...body, stream: true, stream_options: { include_usage: true } });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const data = await eventsOf(response);
    expect(data.pop()).toBe('[DONE]');
    const chunks = data.map((one) => JSON.parse(one));
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage });
    expect(
      chunks
        .slice(0, -1)
        .map(({ choices }) => choices[0].text)
        .join(''),
    ).toBe(whole.choices[0].text);
    expect(chunks.at(-2).choices[0].finish_reason).toBe('length');
  });

  it('reads a prompt and writes nothing with max_tokens 0, ends at a stop string, obeys a bias', async () => {
    const read = await complete({ prompt: 'Once', echo: true, max_tokens: 0 });
    expect(read).toMatchObject({ choices: [{ text: 'Once', finish_reason: 'length' }], usage: { completion_tokens: 0 } });
    const only = { prompt: 'a', max_tokens: 5, logit_bias: { 65: 100 } };
    expect((await complete(only)).choices[0]).toMatchObject({ text: 'AAAAA', finish_reason: 'length' });
    expect((await complete({ ...only, stop: ['AA', 'x'] })).choices[0]).toMatchObject({ text: '', finish_reason: 'stop' });
    expect((await complete({ prompt: 'a', logit_bias: { 256: 100 } })).choices[0]).toMatchObject({ text: '', finish_reason: 'stop' });
  });
});

describe('/v1/chat/completions', () => {
  const messages = [{ role: 'user', content: 'Hi' }];
  const chat = async (body: object) =>
    jsonOf(await post(handler, '/v1/chat/completions', { messages, logit_bias: { 65: 100 }, max_tokens: 3, ...body }));

  it('answers by the chat template, with log-probabilities where asked', async () => {
    const answer = await chat({ logprobs: true, top_logprobs: 2, n: 2 });
    expect(answer.choices).toHaveLength(2);
    expect(answer.choices[1]).toMatchObject({ index: 1, message: { role: 'assistant', content: 'AAA' }, finish_reason: 'length' });
    expect(answer.choices[0].logprobs.content).toHaveLength(3);
    expect(answer.choices[0].logprobs.content[0]).toMatchObject({ token: 'A', bytes: [65], top_logprobs: [{}, {}] });
    expect(answer.usage.prompt_tokens).toBe('?user\nHi??assistant\n'.length);
  });

  it('streams a role, the text, a reason and the usage', async () => {
    const body = { messages, max_completion_tokens: 2, logit_bias: { 65: 100 }, stream: true, stream_options: { include_usage: true } };
    const data = await eventsOf(await post(handler, '/v1/chat/completions', body));
    expect(data.pop()).toBe('[DONE]');
    const chunks = data.map((one) => JSON.parse(one));
    expect(chunks[0].choices[0].delta).toEqual({ role: 'assistant', content: '' });
    expect(chunks.slice(1, 3).map(({ choices }) => choices[0].delta.content)).toEqual(['A', 'A']);
    expect(chunks[3].choices[0]).toMatchObject({ delta: {}, finish_reason: 'length' });
    expect(chunks[4]).toMatchObject({ choices: [], usage: { completion_tokens: 2 } });
  });

  it('takes content in parts', async () => {
    const parts = [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'H' },
          { type: 'text', text: 'i' },
        ],
      },
    ];
    expect((await chat({ messages: parts })).usage).toEqual({ ...(await chat({})).usage, prompt_tokens_details: expect.anything() });
  });
});

describe('tokens', () => {
  it('come and go under the names of lm-evaluation-harness and of llama.cpp', async () => {
    const tokens = model.tokenizer.encode('Hi');
    expect(await jsonOf(await post(handler, '/tokenize', { prompt: 'Hi', add_special_tokens: false }))).toMatchObject({ tokens });
    expect(await jsonOf(await post(handler, '/tokenize', { content: 'Hi' }))).toMatchObject({ tokens });
    expect(await jsonOf(await post(handler, '/detokenize', { tokens }))).toEqual({ prompt: 'Hi', content: 'Hi' });
    expect(await jsonOf(await get(handler, '/tokenizer_info'))).toMatchObject({
      eos_token: '<|end|>',
      bos_token: null,
      chat_template: null,
    });
  });
});

describe('a request that cannot be served', () => {
  it.each([
    ['/v1/completions', { prompt: [] }, 400, 'prompt'],
    ['/v1/completions', { prompt: [[]] }, 400, 'prompt'],
    ['/v1/completions', { prompt: [1.5] }, 400, 'prompt'],
    ['/v1/completions', { prompt: [99999] }, 400, 'prompt'],
    ['/v1/completions', { prompt: 'a', temperature: -1 }, 400, 'temperature'],
    ['/v1/completions', { prompt: 'a', n: 1000 }, 400, 'n'],
    ['/v1/completions', { prompt: 'a', stop: [''] }, 400, 'stop'],
    ['/v1/completions', { prompt: 'a', logit_bias: { x: 1 } }, 400, 'logit_bias'],
    ['/v1/completions', { prompt: 'a', logit_bias: { 258: 1 } }, 400, 'logit_bias'],
    ['/v1/completions', { prompt: 'a', logit_bias: { 258: 1 }, stream: true }, 400, 'logit_bias'],
    ['/v1/chat/completions', { messages: [{ role: 'user', content: 'a' }], logit_bias: { 999999: 1 }, stream: true }, 400, 'logit_bias'],
    ['/v1/responses', { input: 'a', logit_bias: { 258: 1 }, stream: true }, 400, 'logit_bias'],
    ['/v1/completions', { prompt: 'a', suffix: 'b' }, 400, 'suffix'],
    ['/v1/completions', { prompt: 'a', model: 'gpt' }, 404, 'model'],
    ['/v1/chat/completions', {}, 400, 'messages'],
    ['/v1/chat/completions', { messages: [{ role: 'cat', content: '' }] }, 400, 'messages[0].role'],
    ['/v1/chat/completions', { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }, 400, 'messages[0].content'],
    [
      '/v1/chat/completions',
      { messages: [{ role: 'user', content: 'a' }], response_format: { type: 'json_object' } },
      400,
      'response_format',
    ],
    ['/v1/chat/completions', { messages: [{ role: 'user', content: 'a' }], top_logprobs: 2 }, 400, 'top_logprobs'],
  ])('says which field is wrong: %s %j', async (path, body, status, param) => {
    const response = await post(handler, path, body);
    expect(response.status).toBe(status);
    expect((await jsonOf(response)).error).toMatchObject({ type: 'invalid_request_error', param, message: expect.any(String) });
  });

  it('is told what is wrong with its body, and of no stack', async () => {
    expect((await post(handler, '/v1/completions', '{')).status).toBe(400);
    expect((await post(handler, '/v1/completions', '[1]')).status).toBe(400);
    expect((await post(handler, '/v1/completions', '{}', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await get(handler, '/v1/none')).status).toBe(404);
    expect((await get(handler, '/v1/completions')).status).toBe(404);
    const broken = createHandler({ ...model, params: {} }, { onError: () => undefined });
    const response = await post(broken, '/v1/completions', { prompt: 'a' });
    expect([response.status, await jsonOf(response)]).toEqual([
      500,
      { error: { message: 'The server had an error while processing the request.', type: 'server_error', param: null, code: null } },
    ]);
    await broken.close();
  });
});
