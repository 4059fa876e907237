import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mamba } from '@densessm/mamba';
import { disposeTree } from '@densessm/ssm-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHandler, type Handler } from '../handler';
import { stateFolder } from '../node';
import type { ServerOptions } from '../options';
import type { ServedModel } from '../served-model';
import { get, type Json, jsonOf, post, tinyModel } from '../test-support/tiny-model';

let model: ServedModel;
let folder: string;
beforeAll(async () => {
  model = tinyModel(mamba);
  folder = await mkdtemp(join(tmpdir(), 'densessm-states-'));
});
afterAll(async () => {
  disposeTree(model.params);
  await rm(folder, { recursive: true });
});

async function withHandler<T>(options: ServerOptions, use: (handler: Handler) => Promise<T>): Promise<T> {
  const handler = createHandler(model, options);
  await get(handler, '/health');
  return use(handler).finally(() => handler.close());
}

const system = { role: 'system', content: 'You are brief, and this message is long.' };
const first = [system, { role: 'user', content: 'Hi' }];
const second = [...first, { role: 'assistant', content: 'Yes.' }, { role: 'user', content: 'And then?' }];
const chat = async (handler: Handler, messages: unknown): Promise<Json> =>
  jsonOf(await post(handler, '/v1/chat/completions', { messages, max_tokens: 5, temperature: 0, ignore_eos: true, logprobs: true }));
const cachedOf = (answer: Json): number => answer.usage.prompt_tokens_details.cached_tokens;

describe('a conversation', () => {
  it('is not read again up to its last known message, and its answer keeps every bit', async () => {
    const plain = await withHandler({}, (handler) => chat(handler, second));
    await withHandler({}, async (handler) => {
      expect(cachedOf(await chat(handler, first))).toBe(0);
      const goesOn = await chat(handler, second);
      expect(cachedOf(goesOn)).toBe(model.tokenizer.encode(model.tokenizer.applyChatTemplate(first)).length);
      expect(goesOn.choices).toEqual(plain.choices);
      const metrics = await (await get(handler, '/metrics')).text();
      const [tokens, known] = ['prompt_tokens_total', 'prompt_tokens_cached_total'].map((name) =>
        Number(new RegExp(`^densessm_${name} (\\d+)$`, 'm').exec(metrics)?.[1]),
      );
      const sizes = [first, second].map(
        (one) => model.tokenizer.encode(`${model.tokenizer.applyChatTemplate(one)}<|start|>assistant\n`).length,
      );
      expect([known, (tokens ?? 0) + (known ?? 0)]).toEqual([cachedOf(goesOn), (sizes[0] ?? 0) + (sizes[1] ?? 0)]);
      const other = await chat(handler, [system, { role: 'user', content: 'Another' }]);
      expect(cachedOf(other)).toBe(model.tokenizer.encode(model.tokenizer.applyChatTemplate([system])).length);
    });
  });

  it('is read again where the states have no room', () =>
    withHandler({ cacheBytes: 10 }, async (handler) => {
      await chat(handler, first);
      expect(cachedOf(await chat(handler, second))).toBe(0);
      expect(await (await get(handler, '/metrics')).text()).toContain('densessm_state_cache_bytes 0\n');
    }));

  it('survives a restart in a folder, unless a file was damaged', async () => {
    const path = join(folder, 'restart');
    const errors: unknown[] = [];
    const options = { folder: stateFolder(path), onError: (error: unknown) => void errors.push(error) };
    await withHandler(options, (handler) => chat(handler, first));
    expect(cachedOf(await withHandler(options, (handler) => chat(handler, second)))).toBeGreaterThan(40);
    for (const name of await readdir(path)) {
      const bytes = await readFile(join(path, name));
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 50) ^ 1, bytes.length - 50);
      await writeFile(join(path, name), bytes);
    }
    expect(cachedOf(await withHandler(options, (handler) => chat(handler, second)))).toBe(0);
    expect(errors.length).toBeGreaterThan(0);
  });
});

describe('/v1/responses', () => {
  const respond = async (handler: Handler, body: object) =>
    post(handler, '/v1/responses', { max_output_tokens: 6, temperature: 0, ignore_eos: true, ...body });

  it('answers, and continues an answer from its state, also after a restart', async () => {
    const options = { folder: stateFolder(join(folder, 'responses')) };
    const [answer, goesOn] = await withHandler(options, async (handler) => {
      const one = await jsonOf(await respond(handler, { input: 'Hi' }));
      return [one, await jsonOf(await respond(handler, { input: 'And then?', previous_response_id: one.id }))];
    });
    expect(answer).toMatchObject({
      object: 'response',
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      error: null,
    });
    expect(answer.output[0]).toMatchObject({ type: 'message', role: 'assistant', content: [{ type: 'output_text', annotations: [] }] });
    expect(answer.usage).toMatchObject({ input_tokens_details: { cached_tokens: 0 }, output_tokens: 6 });
    expect(goesOn.previous_response_id).toBe(answer.id);
    const again = await withHandler(options, async (handler) =>
      jsonOf(await respond(handler, { input: 'And then?', previous_response_id: answer.id })),
    );
    expect(again.output[0].content).toEqual(goesOn.output[0].content);
    expect(again.usage).toEqual(goesOn.usage);
  });

  it('continues exactly where the answer ended by itself: only the news are read', () =>
    withHandler({}, async (handler) => {
      const ends = { logit_bias: { 256: 100 } };
      const one = await jsonOf(await respond(handler, { input: 'Hi', ignore_eos: false, ...ends }));
      expect(one).toMatchObject({ status: 'completed', output: [{ content: [{ text: '' }] }] });
      const two = await jsonOf(await respond(handler, { input: 'And?', previous_response_id: one.id }));
      const news = model.tokenizer.encode('<|start|>user\nAnd?<|end|><|start|>assistant\n').length;
      expect(two.usage.input_tokens - two.usage.input_tokens_details.cached_tokens).toBe(news);
    }));

  it('streams its events in the order of the API', () =>
    withHandler({}, async (handler) => {
      const text = await (
        await respond(handler, { input: [{ role: 'user', content: [{ type: 'input_text', text: 'Hi' }] }], stream: true })
      ).text();
      const events = text
        .split('\n\n')
        .flatMap((block) => /^data: (.*)$/m.exec(block)?.[1] ?? [])
        .map((one) => JSON.parse(one));
      expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, i) => i));
      const types = events.map(({ type }) => type.replace('response.', ''));
      expect(types.filter((type, i) => type !== types[i - 1])).toEqual([
        ...['created', 'in_progress', 'output_item.added', 'content_part.added', 'output_text.delta'],
        ...['output_text.done', 'content_part.done', 'output_item.done', 'incomplete'],
      ]);
      expect(text).not.toContain('[DONE]');
    }));

  it('refuses to continue what it does not have', () =>
    withHandler({}, async (handler) => {
      const unknown = await respond(handler, { input: 'a', previous_response_id: '../../etc' });
      expect([unknown.status, (await jsonOf(unknown)).error.code]).toEqual([400, 'previous_response_not_found']);
      const unstored = await jsonOf(await respond(handler, { input: 'a', store: false }));
      expect((await respond(handler, { input: 'a', previous_response_id: unstored.id })).status).toBe(400);
    }));
});

describe('/slots', () => {
  const body = { prompt: 'Once upon', max_tokens: 4, logit_bias: { 65: 100 }, id_slot: 1 };
  const complete = async (handler: Handler, fields: object = {}) => jsonOf(await post(handler, '/v1/completions', { ...body, ...fields }));

  it('hold the state after a request, save, restore and erase it', () =>
    withHandler({ slots: 2, folder: stateFolder(join(folder, 'slots')) }, async (handler) => {
      await complete(handler);
      expect((await jsonOf(await get(handler, '/slots')))[1]).toEqual({ id: 1, n_past: 13, is_held: true });
      const action = async (name: string, fields: object = { filename: '../../x' }) =>
        jsonOf(await post(handler, `/slots/1?action=${name}`, fields));
      expect(await action('save')).toMatchObject({ id_slot: 1, n_saved: 13, n_written: expect.any(Number) });
      expect(await action('erase', {})).toEqual({ id_slot: 1, n_erased: 13 });
      expect(await action('restore')).toMatchObject({ n_restored: 13 });
      expect(cachedOf(await complete(handler, { prompt: 'Once uponAAAAB' }))).toBe(13);
      expect(cachedOf(await complete(handler, { prompt: 'Once uponAABAB' }))).toBe(0);
      expect(await action('restore', { filename: 'none' })).toMatchObject({ error: { param: 'filename' } });
      expect((await post(handler, '/slots/7?action=erase', {})).status).toBe(400);
      expect((await readdir(join(folder, 'slots'))).every((name) => /^[a-z]+-[0-9a-f]{64}\.state$/.test(name))).toBe(true);
    }));

  it('need a folder to be saved', () =>
    withHandler({}, async (handler) => {
      await complete(handler);
      expect((await post(handler, '/slots/1?action=save', { filename: 'x' })).status).toBe(501);
    }));
});

describe('a folder of states', () => {
  const key = (letter: string) => `prefix-${letter.repeat(64)}`;

  it('keeps the most recently used within its bound, for this user alone', async () => {
    const path = join(folder, 'bound');
    const states = stateFolder(path, { maxBytes: 25 });
    for (const [i, letter] of ['a', 'b', 'c'].entries()) {
      await states.write(key(letter), new Uint8Array(10));
      if (i < 2) await utimes(join(path, `${key(letter)}.state`), i, i); // as if each were used a second after the one before
    }
    expect(await states.read(key('a'))).toBeUndefined();
    expect(await states.read(key('c'))).toEqual(new Uint8Array(10));
    expect((await stat(join(path, `${key('c')}.state`))).mode & 0o077).toBe(0);
    await states.remove(key('c'));
    expect(await states.read(key('c'))).toBeUndefined();
  });

  it('takes no key that is a path', async () => {
    await expect(stateFolder(folder).read('../x')).rejects.toThrow(/is no key/);
  });
});
