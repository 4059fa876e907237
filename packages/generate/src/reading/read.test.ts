import { mamba } from '@densessm/mamba';
import { disposeTree } from '@densessm/ssm-core';
import { memory, setBackend, zeros } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ModelBundle } from '../bundle';
import { type ToyState, toyBundle } from '../test-support/toy-model';
import { readTokens } from './read';
import { bytesOf, hostValues, joinRows, selectRows } from './rows';

beforeAll(async () => {
  await setBackend('wasm');
});

/** The bundle, with a record of its calls and of the most bytes in use around them. */
function watched(bundle: ModelBundle): { bundle: ModelBundle; lengths: number[]; peak: () => number } {
  const lengths: number[] = [];
  let peak = 0;
  const advance: typeof bundle.model.advance = (params, config, tokens, state, options) => {
    lengths.push((tokens as number[][])[0]?.length ?? 0);
    const result = bundle.model.advance(params, config, tokens, state, options);
    peak = Math.max(peak, memory().numBytes);
    return result;
  };
  return { bundle: { ...bundle, model: { ...bundle.model, advance } }, lengths, peak: () => peak };
}

const textOf = (length: number): number[] => Array.from({ length }, (_, i) => (7 * i) % 11);

describe('reading a prompt', () => {
  it('of 10,000 tokens takes the memory of one of 1,000', async () => {
    const config = mamba.parseConfig({ model_type: 'mamba', vocab_size: 11, hidden_size: 4, num_hidden_layers: 1, state_size: 2 });
    const bundle: ModelBundle = { model: mamba, config, params: mamba.init(config, 1) };
    const before = memory().numTensors;
    const peaks: number[] = [];
    for (const length of [1000, 10_000]) {
      const { bundle: spied, lengths, peak } = watched(bundle);
      const { state } = await readTokens(spied, [textOf(length)], undefined, { promptChunk: 250 });
      expect(lengths).toEqual(Array(length / 250).fill(250));
      peaks.push(peak());
      disposeTree(state);
    }
    expect(peaks[1]).toBe(peaks[0]);
    expect(memory().numTensors).toBe(before);
    disposeTree(bundle.params);
  });

  it('shares a chunk among the rows of a batch and keeps the last logits only', async () => {
    const { bundle, lengths } = watched(toyBundle());
    const rows = [textOf(10), textOf(11).slice(1)];
    const { state, logits } = await readTokens(bundle, rows, undefined, { promptChunk: 8 });
    expect(lengths).toEqual([4, 4, 2]);
    for (const [row, tokens] of rows.entries()) {
      const whole = bundle.model.forward(bundle.params, bundle.config, [tokens]);
      const last = [...(await whole.data())].slice(-11);
      for (const [id, logit] of last.entries()) expect(logits[row]?.[id]).toBeCloseTo(logit, 5);
      whole.dispose();
    }
    disposeTree([state, bundle.params]);
  });

  it('lets the host do other things between chunks', async () => {
    const bundle = toyBundle();
    let turns = 0;
    let next = setImmediate(function turn() {
      turns++;
      next = setImmediate(turn);
    });
    const { state } = await readTokens(bundle, [textOf(600)], undefined, { promptChunk: 10 });
    clearImmediate(next);
    expect(turns).toBeGreaterThan(50);
    disposeTree([state, bundle.params]);
  });
});

describe('rows of states', () => {
  it('are selected in any order, joined, and told apart by what is not a tensor', async () => {
    const bundle = toyBundle({ isPositional: true });
    const readRow = async (tokens: number[]) => (await readTokens(bundle, [tokens], undefined, { promptChunk: 8 })).state as ToyState;
    const states = [await readRow([1, 2]), await readRow([3, 4]), await readRow([5])];
    const [first, second, shorter] = states as [ToyState, ToyState, ToyState];
    expect(hostValues(first)).toBe(hostValues(second));
    expect(hostValues(first)).not.toBe(hostValues(shorter));
    const both = joinRows([first, second]);
    const picked = selectRows(both, [1, 0, 1]);
    expect(picked).toMatchObject({ position: 2 });
    expect(await picked.seen.array()).toEqual([
      (await second.seen.array())[0],
      (await first.seen.array())[0],
      (await second.seen.array())[0],
    ]);
    expect(bytesOf(picked)).toBe(3 * 11 * 4);
    disposeTree([states, both, picked, bundle.params]);
  });

  it('may be of size zero', () => {
    const states = [1, 2].map(() => ({ tail: zeros([1, 3, 0]) }));
    const both = joinRows(states);
    const picked = selectRows(both, [1, 1, 0]);
    expect([both.tail.shape, picked.tail.shape]).toEqual([
      [2, 3, 0],
      [3, 3, 0],
    ]);
    disposeTree([states, both, picked]);
  });
});
