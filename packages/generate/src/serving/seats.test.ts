import { mamba } from '@densessm/mamba';
import { type AnyModel, disposeTree } from '@densessm/ssm-core';
import { memory } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ModelBundle } from '../bundle';
import { toyBundle } from '../test-support/toy-model';
import { Scheduler } from './scheduler';
import type { TextRequest } from './ticket';

// time stands still, so that prompts and texts take turns
beforeAll(() => void vi.spyOn(performance, 'now').mockReturnValue(0));
afterAll(() => void vi.restoreAllMocks());

/** The tokens of each text of a request; `see` is told of each token. */
async function textsOf(scheduler: Scheduler, request: TextRequest, see = (): void => undefined): Promise<number[][]> {
  const texts: number[][] = Array.from({ length: request.count ?? 1 }, () => []);
  for await (const event of scheduler.submit(request)) {
    if (event.type !== 'part') continue;
    texts[event.row]?.push(event.part.token as number);
    see();
  }
  return texts;
}

const bundles: [string, () => ModelBundle][] = [
  ['in rows of a decoder', () => mambaOf(mamba)],
  ['in rows of tensors', () => mambaOf({ ...mamba, decoder: undefined } as AnyModel)],
  ['whose state counts positions', () => toyBundle({ isPositional: true })],
];

function mambaOf(model: AnyModel): ModelBundle {
  const config = model.parseConfig({ model_type: 'mamba', vocab_size: 11, hidden_size: 16, num_hidden_layers: 2, state_size: 4 });
  return { model, config, params: model.init(config, 3) };
}

describe('a request of more texts than there are slots', () => {
  it('holds up no other: a short one has its tokens at every second turn or sooner', async () => {
    const bundle = toyBundle();
    const scheduler = new Scheduler(bundle, { slots: 4 });
    let [seen, before, after] = [0, 0, 0];
    let short: Promise<unknown> | undefined;
    const submitShort = async (): Promise<void> => {
      before = seen;
      await textsOf(scheduler, { prompt: [1], options: { maxTokens: 4 } });
      after = seen;
    };
    await textsOf(scheduler, { prompt: [2], count: 48, options: { maxTokens: 20 } }, () => {
      if (++seen === 60) short = submitShort();
    });
    await short;
    expect([before, seen]).toEqual([60, 48 * 20]);
    expect(after - before).toBeLessThanOrEqual(2 * 4 * 4);
    await scheduler.close();
    disposeTree(bundle.params);
  });

  it('shares the slots evenly with another of its kind, and has all of them alone', async () => {
    const bundle = toyBundle();
    const scheduler = new Scheduler(bundle, { slots: 4 });
    const counts = [0, 0];
    const ends: number[][] = [];
    const follow = async (which: number): Promise<void> => {
      await textsOf(scheduler, { prompt: [1 + which], count: 12, options: { maxTokens: 10 } }, () => void (counts[which] as number)++);
      ends.push([...counts]);
    };
    await Promise.all([follow(0), follow(1)]);
    const [first = []] = ends;
    expect(Math.abs((first[0] as number) - (first[1] as number))).toBeLessThanOrEqual(2 * 10);
    await scheduler.close();
    disposeTree(bundle.params);
  });

  it.each(bundles)('keeps every bit where its texts give way and go on: %s', async (_, open) => {
    const bundle = open();
    const tensors = memory().numTensors;
    const many: TextRequest = { prompt: [1, 2, 3], count: 7, options: { maxTokens: 9, temperature: 1, seed: 5 }, keepsState: true };
    const few = [4, 5, 6].map((id): TextRequest => ({ prompt: [id, 1], count: 2, options: { maxTokens: 5, temperature: 1, seed: id } }));
    const scheduler = new Scheduler(bundle, { slots: 3 });
    const alone = [await textsOf(scheduler, many)];
    for (const request of few) alone.push(await textsOf(scheduler, request));
    const others: Promise<number[][]>[] = [];
    let seen = 0;
    const begun = await textsOf(scheduler, many, () => {
      const request = ++seen % 12 === 0 ? few[others.length] : undefined; // while the texts of the first are under way
      if (request) others.push(textsOf(scheduler, request));
    });
    expect([begun, ...(await Promise.all(others))]).toEqual(alone);
    await scheduler.close();
    expect(memory().numTensors).toBe(tensors);
    disposeTree(bundle.params);
  });
});
