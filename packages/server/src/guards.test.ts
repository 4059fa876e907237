import { mamba } from '@densessm/mamba';
import { disposeTree } from '@densessm/ssm-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHandler } from './handler';
import type { ServerOptions } from './options';
import type { ServedModel } from './served-model';
import { eventsOf, get, jsonOf, post, tinyModel } from './test-support/tiny-model';

let model: ServedModel;
beforeAll(async () => {
  model = tinyModel(mamba);
});
afterAll(() => disposeTree(model.params));

async function withHandler<T>(options: ServerOptions, use: (handler: ReturnType<typeof createHandler>) => Promise<T>): Promise<T> {
  const handler = createHandler(model, options);
  await get(handler, '/health');
  return use(handler).finally(() => handler.close());
}

const RANDOM = { prompt: 'Once', ignore_eos: true };

describe('a server', () => {
  it('answers only to its own names', () =>
    withHandler({ hosts: ['box.local'] }, async (handler) => {
      const status = async (host: string) => (await get(handler, '/v1/models', { host })).status;
      expect(await Promise.all(['localhost:8080', '127.0.0.1', '[::1]:80', 'box.local:8080'].map(status))).toEqual([200, 200, 200, 200]);
      expect(await Promise.all(['evil.example', 'localhost.evil.example', ''].map(status))).toEqual([403, 403, 403]);
    }));

  it('answers to every address of its machine, since no page can rebind an address, and to no name that looks like one', () =>
    withHandler({ hosts: ['0.0.0.0'] }, async (handler) => {
      const status = async (host: string) => (await get(handler, '/v1/models', { host })).status;
      const addresses = ['192.168.1.7:8080', '10.0.0.1', '0.0.0.0:80', '[fe80::5]:8080', '[2001:DB8::1]', '[::ffff:10.0.0.1]:1'];
      expect(await Promise.all(addresses.map(status))).toEqual(addresses.map(() => 200));
      const names = [
        '192.168.1.7.evil.example',
        '10.0.0',
        'evil.example:10',
        'fe80.example',
        '[evil.example]',
        '[]',
        'dead.beef',
        'a:b.example:1',
      ];
      expect(await Promise.all(names.map(status))).toEqual(names.map(() => 403));
    }));

  it('knows the names that it was given with a port, in brackets or in capitals, and says what to do about another', () =>
    withHandler({ hosts: ['Box.local:8080', '[fe80::5]', 'fe80::6'] }, async (handler) => {
      const answer = (host: string) => get(handler, '/v1/models', { host });
      const known = await Promise.all(['box.local', 'BOX.local:1', '[fe80::5]:2', '[fe80::6]'].map(answer));
      expect(known.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      expect((await jsonOf(await answer('other.local'))).error.message).toMatchInlineSnapshot(
        `"The Host 'other.local' is not served here: expected localhost, an IP address or a name that the server was given. Add it to 'hosts' of createHandler, or to --allow-host of densessm serve."`,
      );
    }));

  it('lets pages of other origins read nothing unless asked', async () => {
    const origin = { origin: 'https://page.example' };
    await withHandler({}, async (handler) => {
      expect((await get(handler, '/v1/models', origin)).headers.get('access-control-allow-origin')).toBeNull();
    });
    await withHandler({ origins: ['https://page.example'] }, async (handler) => {
      expect((await get(handler, '/v1/models', origin)).headers.get('access-control-allow-origin')).toBe('https://page.example');
      expect((await get(handler, '/v1/none', origin)).headers.get('access-control-allow-origin')).toBe('https://page.example');
      expect((await get(handler, '/v1/models', { origin: 'https://other.example' })).headers.get('access-control-allow-origin')).toBeNull();
    });
  });

  it('asks for a key where it has one, but not for its health', () =>
    withHandler({ apiKeys: ['one', 'two'] }, async (handler) => {
      const status = async (authorization: string) => (await get(handler, '/v1/models', { authorization })).status;
      expect(await Promise.all(['Bearer one', 'bearer two', 'Bearer three', 'one', ''].map(status))).toEqual([200, 200, 401, 401, 401]);
      expect((await get(handler, '/health')).status).toBe(200);
      expect((await jsonOf(await post(handler, '/v1/completions', RANDOM))).error.code).toBe('invalid_api_key');
    }));

  it('takes no body, prompt or list of texts above its limits', () =>
    withHandler({ maxBodyBytes: 300, maxPromptTokens: 20, maxTexts: 4 }, async (handler) => {
      expect((await post(handler, '/v1/completions', { prompt: 'a'.repeat(400) })).status).toBe(413);
      expect(await jsonOf(await post(handler, '/v1/completions', { prompt: 'a'.repeat(21) }))).toMatchObject({
        error: { code: 'context_length_exceeded' },
      });
      expect((await post(handler, '/v1/completions', { prompt: ['a', 'b', 'c'], n: 2 })).status).toBe(400);
    }));

  it('answers 429 with a time to come back where the queue is full', () =>
    withHandler({ slots: 1, maxWaiting: 1 }, async (handler) => {
      const all = await Promise.all(Array.from({ length: 6 }, () => post(handler, '/v1/completions', { ...RANDOM, max_tokens: 2 })));
      const refused = all.filter(({ status }) => status === 429);
      expect(refused.length).toBeGreaterThan(0);
      expect(all.some(({ status }) => status === 200)).toBe(true);
      expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect((await jsonOf(refused[0] as Response)).error.code).toBe('rate_limit_exceeded');
    }));

  it('lets an answer end that takes too long, as an error', () =>
    withHandler({ timeoutMs: 50, maxTokens: 1e6 }, async (handler) => {
      const body = { ...RANDOM, max_tokens: 1e6 };
      expect((await post(handler, '/v1/completions', body)).status).toBe(504);
      const stream = await post(handler, '/v1/completions', { ...body, stream: true });
      expect((await eventsOf(stream)).at(-1)).toMatch(/took too long/);
    }));

  it('lets an answer take its time where there is no limit, or one of more than a timer holds', async () => {
    for (const timeoutMs of [Infinity, 2 ** 40])
      await withHandler({ timeoutMs, pingMs: timeoutMs }, async (handler) => {
        const body = { ...RANDOM, max_tokens: 40 };
        expect((await post(handler, '/v1/completions', body)).status).toBe(200);
        const stream = await post(handler, '/v1/completions', { ...body, stream: true });
        const text = await stream.text();
        expect(text).toMatch(/\[DONE\]\n\n$/);
        expect(text).not.toContain(': ping');
      });
  });

  it('stops within a token when the client goes away', () =>
    withHandler({ maxTokens: 1e6 }, async (handler) => {
      const response = await post(handler, '/v1/completions', { ...RANDOM, max_tokens: 1e6, stream: true });
      const reader = response.body?.getReader();
      await reader?.read();
      await reader?.cancel();
      const busy = async () =>
        /requests_processing (\d+)/.exec((await (await get(handler, '/metrics')).text()).replace(/^#.*$/gm, ''))?.[1];
      await expect.poll(busy).toBe('0');
    }));

  it('is not healthy before its model is loaded, nor while it shuts down, when begun answers still end', async () => {
    let give: (model: ServedModel) => void = () => undefined;
    const handler = createHandler(new Promise<ServedModel>((resolve) => (give = resolve)));
    expect((await get(handler, '/health')).status).toBe(503);
    expect((await post(handler, '/v1/completions', RANDOM)).status).toBe(503);
    give(model);
    await expect.poll(async () => (await get(handler, '/health')).status).toBe(200);
    const stream = await post(handler, '/v1/completions', { ...RANDOM, max_tokens: 12, stream: true });
    const closing = handler.close();
    expect((await get(handler, '/health')).status).toBe(503);
    expect((await eventsOf(stream)).at(-1)).toBe('[DONE]');
    await closing;
  });
});
