import { packParams } from '@densessm/kernels';
import { mamba } from '@densessm/mamba';
import { retnet } from '@densessm/retnet';
import { type AnyModel, disposeTree, SsmError, type WeightType } from '@densessm/ssm-core';
import { memory } from '@tensorflow/tfjs-core';
import { describe, expect, it, vi } from 'vitest';
import type { ModelBundle } from '../bundle';
import { generate, generateBatch } from '../generate';
import { chainBundle, toyBundle } from '../test-support/toy-model';
import type { ServedEvent } from './lane';
import { decodeState, encodeState, type SavedState } from './saved-state';
import { Scheduler } from './scheduler';
import { type PrefixCache, QueueFullError } from './scheduler-options';
import type { TextRequest } from './ticket';

const MAMBA = { model_type: 'mamba', vocab_size: 97, hidden_size: 32, num_hidden_layers: 2, state_size: 4 };
const RETNET = {
  ...{ model_type: 'retnet', vocab_size: 97, decoder_embed_dim: 32, decoder_layers: 2 },
  ...{ decoder_retention_heads: 2, decoder_value_embed_dim: 64, decoder_ffn_embed_dim: 64 },
};

async function packed(model: AnyModel, json: object, weights: WeightType): Promise<ModelBundle> {
  const config = model.parseConfig(json);
  const params = model.init(config, 3);
  const bundle = { model, config, params: await packParams(model.spec(config), params, { weights }) };
  disposeTree(params);
  return bundle;
}

const promptOf = (seed: number, length = 5 + (seed % 4)): number[] => Array.from({ length }, (_, i) => (seed * 31 + i * i * 7 + 1) % 97);

async function eventsOf(scheduler: Scheduler, request: TextRequest): Promise<ServedEvent[]> {
  const events: ServedEvent[] = [];
  for await (const event of scheduler.submit(request)) events.push(event);
  return events;
}

const tokensOf = (events: readonly ServedEvent[], row = 0): (number | undefined)[] =>
  events.flatMap((event) => (event.type === 'part' && event.row === row ? [event.part.token] : []));
const logprobsOf = (events: readonly ServedEvent[]) => events.flatMap((event) => (event.type === 'part' ? [event.part.logprob] : []));
const finishOf = (events: readonly ServedEvent[]) =>
  events.flatMap((event) => (event.type === 'part' && event.part.finishReason ? [event.part.finishReason] : []));

describe('a text among others', () => {
  /** Products of 448 and 97 outputs: wider than what the tiles of many rows read at a time. */
  const WIDE = { ...MAMBA, hidden_size: 224, num_hidden_layers: 1 };
  const cases: [string, AnyModel, object, WeightType][] = [
    ['Mamba in f32', mamba, MAMBA, 'f32'],
    ['Mamba in bf16', mamba, WIDE, 'bf16'],
    ['Mamba in int4', mamba, WIDE, 'int4'],
    ['RetNet, whose state counts positions', retnet, RETNET, 'f32'],
  ];
  it.each(cases)('has the bits that it has alone: %s', async (_, model, json, weights) => {
    const bundle = await packed(model, json, weights);
    const request = (seed: number): TextRequest => ({
      prompt: promptOf(seed),
      options: { maxTokens: 6 + 3 * (seed % 3), temperature: 1, seed, logprobs: true },
    });
    const scheduler = new Scheduler(bundle, { slots: 8, promptChunk: 4 });
    const alone: ServedEvent[][] = [];
    for (let seed = 0; seed < 3; seed++) alone.push(await eventsOf(scheduler, request(seed)));
    const together = await Promise.all(Array.from({ length: 8 }, (_, seed) => eventsOf(scheduler, request(seed))));
    for (const [seed, events] of alone.entries()) {
      expect(tokensOf(together[seed] ?? [])).toEqual(tokensOf(events));
      expect(logprobsOf(together[seed] ?? [])).toEqual(logprobsOf(events));
    }
    expect(together.map(finishOf)).toEqual(Array(8).fill(['length']));
    await scheduler.close();
    disposeTree(bundle.params);
  });

  it('has the bits that it has alone, in int8, among one to eight', async () => {
    const bundle = await packed(mamba, WIDE, 'int8');
    const scheduler = new Scheduler(bundle, { slots: 8 });
    const request = (seed: number): TextRequest => ({
      prompt: promptOf(seed),
      options: { maxTokens: 4, temperature: 1, seed, logprobs: true },
    });
    const alone: ServedEvent[][] = [];
    for (let seed = 0; seed < 8; seed++) alone.push(await eventsOf(scheduler, request(seed)));
    for (let count = 1; count <= 8; count++) {
      const together = await Promise.all(Array.from({ length: count }, (_, seed) => eventsOf(scheduler, request(seed))));
      expect(together.map((events) => tokensOf(events))).toEqual(alone.slice(0, count).map((events) => tokensOf(events)));
      expect(together.map(logprobsOf)).toEqual(alone.slice(0, count).map(logprobsOf));
    }
    await scheduler.close();
    disposeTree(bundle.params);
  });

  it('is that of generate and generateBatch, and several texts of a prompt draw from streams of their own', async () => {
    const bundle = await packed(mamba, MAMBA, 'f32');
    const scheduler = new Scheduler(bundle);
    const options = { maxTokens: 9, temperature: 1, seed: 7 };
    const events = await eventsOf(scheduler, { prompt: promptOf(1), options, count: 3 });
    const batch = await generateBatch(bundle, [promptOf(1), promptOf(1), promptOf(1)], options);
    expect([0, 1, 2].map((row) => tokensOf(events, row))).toEqual(batch.map(({ tokens }) => tokens));
    const greedy = await eventsOf(scheduler, { prompt: promptOf(2), options: { maxTokens: 9 } });
    expect(tokensOf(greedy)).toEqual((await generate(bundle, promptOf(2), { maxTokens: 9 })).tokens);
    await scheduler.close();
    disposeTree(bundle.params);
  });

  it('comes between the chunks of a long prompt', async () => {
    const scheduler = new Scheduler(toyBundle(), { promptChunk: 2 });
    const order: string[] = [];
    const follow = async (name: string, request: TextRequest): Promise<void> => {
      for await (const event of scheduler.submit(request)) order.push(`${name} ${event.type}`);
    };
    const long = Array.from({ length: 40 }, (_, i) => i % 11);
    await Promise.all([
      follow('long', { prompt: long, options: { maxTokens: 1 } }),
      follow('short', { prompt: [1], options: { maxTokens: 8 } }),
    ]);
    expect(order.indexOf('short part')).toBeLessThan(order.indexOf('long prompt'));
    expect(order.lastIndexOf('short part')).toBeLessThan(order.indexOf('long part'));
    await scheduler.close();
  });
});

it('Texts have a third of the time while prompts are read', async () => {
  let time = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => time);
  const toy = toyBundle();
  const chunks: number[] = [];
  const advance: AnyModel['advance'] = (params, config, tokens, state, options) => {
    const [{ length }] = tokens as [number[]];
    time += length === 1 ? 10 : 100;
    if (length > 1) chunks.push(time);
    return toy.model.advance(params, config, tokens, state, options);
  };
  const scheduler = new Scheduler({ ...toy, model: { ...toy.model, advance } }, { promptChunk: 4 });
  const parts: number[] = [];
  const stream = async (): Promise<void> => {
    for await (const { type } of scheduler.submit({ prompt: [1], options: { maxTokens: 60 } })) if (type === 'part') parts.push(time);
  };
  await Promise.all([stream(), eventsOf(scheduler, { prompt: Array(24).fill(2), options: { maxTokens: 1 } })]);
  await scheduler.close();
  clock.mockRestore();
  expect(chunks.length).toBe(6);
  for (const [i, end] of chunks.slice(1).entries()) {
    const start = chunks[i] as number;
    expect(end - start).toBe(150); // five steps of 10, and the next chunk
    expect(parts.filter((part) => part > start && part < end).length).toBe(5);
  }
  disposeTree(toy.params);
});

describe('a request', () => {
  it('that is left or aborted takes no further token', async () => {
    const scheduler = new Scheduler(toyBundle());
    const abort = new AbortController();
    const seen: ServedEvent[] = [];
    for await (const event of scheduler.submit({ prompt: [1, 2], options: { maxTokens: 1000, signal: abort.signal } })) {
      seen.push(event);
      if (seen.length === 4) abort.abort();
    }
    expect(finishOf(seen)).toEqual(['aborted']);
    expect(seen.length).toBeLessThanOrEqual(6);
    for await (const event of scheduler.submit({ prompt: [1, 2], options: { maxTokens: 1000 } })) if (event.type === 'part') break;
    await scheduler.close(); // which waits for the end of every text
    expect(scheduler.counts).toEqual({ active: 0, waiting: 0, texts: 0 });
  });

  it('is refused where the queue is full, unless it belongs to one that was taken', async () => {
    const scheduler = new Scheduler(toyBundle(), { slots: 1, maxWaiting: 2 });
    const request: TextRequest = { prompt: [1], options: { maxTokens: 3 } };
    const taken = [eventsOf(scheduler, request), eventsOf(scheduler, request)];
    expect(() => scheduler.submit(request)).toThrow(QueueFullError);
    taken.push(eventsOf(scheduler, { ...request, isFurther: true }));
    expect((await Promise.all(taken)).map(finishOf)).toEqual(Array(3).fill(['length']));
    await scheduler.close();
    expect(() => scheduler.submit(request)).toThrow(expect.objectContaining({ code: 'STATE' }));
  });

  it('that fails leaves the others as they are', async () => {
    const bundle = toyBundle();
    const scheduler = new Scheduler(bundle);
    const allForbidden = Object.fromEntries(Array.from({ length: 11 }, (_, id) => [id, -Infinity]));
    const [bad, outside, good] = await Promise.allSettled([
      eventsOf(scheduler, { prompt: [1], options: { logitBias: allForbidden } }),
      eventsOf(scheduler, { prompt: [99] }),
      eventsOf(scheduler, { prompt: [1], options: { maxTokens: 4 } }),
    ]);
    expect([bad.status, outside.status]).toEqual(['rejected', 'rejected']);
    expect(good).toMatchObject({ status: 'fulfilled' });
    await scheduler.close();
  });

  it('scores its prompt, and may ask for nothing else', async () => {
    const bundle = chainBundle([1, 2, 0]);
    const scheduler = new Scheduler(bundle);
    const [event, ...rest] = await eventsOf(scheduler, { prompt: [0, 1, 2, 1], promptScores: 1, isOnlyRead: true });
    expect(rest).toEqual([]);
    const scores = event?.type === 'prompt' ? event.scores : [];
    expect(scores.map(({ topLogprobs }) => topLogprobs?.[0]?.token)).toEqual([1, 2, 0]);
    expect(scores[0]?.logprob).toBe(scores[0]?.topLogprobs?.[0]?.logprob);
    expect(scores[2]?.logprob).toBeLessThan(-4);
    await scheduler.close();
  });
});

describe('a state that was kept', () => {
  it('continues a text as if it had been read again, after a way through bytes', async () => {
    const bundle = await packed(retnet, RETNET, 'f32');
    const scheduler = new Scheduler(bundle);
    const first = await eventsOf(scheduler, { prompt: promptOf(1), options: { maxTokens: 5 }, keepsState: true });
    const last = first.at(-1);
    const state = await decodeState(bundle, await encodeState(bundle, (last as { state: SavedState }).state));
    expect(state.history.count).toBe(promptOf(1).length + 5);
    const goOn = await eventsOf(scheduler, { prompt: [7, 9], from: state, options: { maxTokens: 4 } });
    expect(goOn[0]).toMatchObject({ type: 'prompt', cachedTokens: state.history.count });
    const whole = [...promptOf(1), ...(tokensOf(first) as number[]), 7, 9];
    expect(tokensOf(goOn)).toEqual((await generate(bundle, whole, { maxTokens: 4 })).tokens);
    await scheduler.close();
    disposeTree(bundle.params);
  });

  it('at a border spares reading and changes no bit', async () => {
    const bundle = await packed(mamba, MAMBA, 'f32');
    const kept = new Map<string, SavedState>();
    const cache: PrefixCache = {
      find: async (prompt, places) => {
        const place = [...places].reverse().find((one) => kept.has(prompt.slice(0, one).join()));
        const state = place && kept.get(prompt.slice(0, place).join());
        return state ? { place: place as number, state } : undefined;
      },
      keep: async (prefix, state) => void kept.set(prefix.join(), state),
    };
    const request: TextRequest = { prompt: promptOf(3, 20), borders: [4, 9, 15], options: { maxTokens: 6, logprobs: true } };
    const [plain, cached] = [new Scheduler(bundle), new Scheduler(bundle, { cache })];
    const runs = [await eventsOf(plain, request), await eventsOf(cached, request), await eventsOf(cached, request)];
    expect(runs.map(([event]) => event?.type === 'prompt' && event.cachedTokens)).toEqual([0, 0, 15]);
    expect(runs.map(logprobsOf)).toEqual(Array(3).fill(logprobsOf(runs[0] as ServedEvent[])));
    await Promise.all([plain.close(), cached.close()]);
    disposeTree(bundle.params);
  });
});

it('A scheduler that was closed leaves no tensor behind', async () => {
  const bundle = toyBundle({ isPositional: true });
  const before = memory().numTensors;
  const scheduler = new Scheduler(bundle, { slots: 4 });
  const abort = new AbortController();
  const all = [1, 2, 3, 4, 5, 6].map((id) =>
    eventsOf(scheduler, {
      prompt: Array(id).fill(id),
      count: 2,
      options: { maxTokens: 3 * id, signal: id > 4 ? abort.signal : undefined },
    }),
  );
  await all[0];
  abort.abort();
  await Promise.all(all);
  await scheduler.close();
  expect(memory().numTensors).toBe(before);
});

describe('a lost device', () => {
  /** A Mamba whose device goes away as it computes the n-th time; the tensors of its params tell which device they are on. */
  async function lostAt(call: number, recovers: boolean): Promise<{ bundle: ModelBundle; reloads: () => number }> {
    const { decoder: _, ...model } = mamba as AnyModel;
    const config = model.parseConfig(MAMBA);
    const [before, after] = [model.init(config, 3), model.init(config, 3)];
    let [calls, isLost, reloads] = [0, false, 0];
    const advance: AnyModel['advance'] = (...given) => {
      isLost ||= ++calls === call;
      if (isLost && given[0] !== after) throw new SsmError({ code: 'LOST', what: 'gone', expected: 'a device', got: 'none', fix: 'none' });
      return model.advance(...given);
    };
    const reloadable = {
      now: (params: object) => (isLost ? after : params),
      after: async () => {
        reloads++;
        return after;
      },
    };
    return { bundle: { model: { ...model, advance }, config, params: before, ...(recovers && { reloadable }) }, reloads: () => reloads };
  }
  const requests = [1, 2, 3].map(
    (seed): TextRequest => ({ prompt: promptOf(seed, 9), options: { maxTokens: 7, temperature: 1, seed }, keepsState: seed === 2 }),
  );
  const all = (scheduler: Scheduler) => Promise.all(requests.map((request) => eventsOf(scheduler, request)));
  const open = (bundle: ModelBundle) => new Scheduler(bundle, { slots: 3, promptChunk: 4 });

  it.each([1, 3, 6, 9, 12, 15])('leaves the texts as they would have been: at call %i', async (call) => {
    const undisturbed = await all(open((await lostAt(-1, true)).bundle));
    const { bundle, reloads } = await lostAt(call, true);
    const texts = await all(open(bundle));
    expect(texts.map((events) => tokensOf(events))).toEqual(undisturbed.map((events) => tokensOf(events)));
    expect(texts.map((events) => events.map(({ type }) => type))).toEqual(undisturbed.map((events) => events.map(({ type }) => type)));
    expect(reloads()).toBe(1);
  });

  it('fails what is under way where the model cannot be loaded again', async () => {
    const scheduler = open((await lostAt(6, false)).bundle);
    const ends = await Promise.allSettled(requests.map((request) => eventsOf(scheduler, request)));
    expect(ends.map((end) => end.status === 'rejected' && end.reason.code)).toEqual(['LOST', 'LOST', 'LOST']);
    expect(scheduler.counts).toEqual({ active: 0, waiting: 0, texts: 0 });
  });
});
