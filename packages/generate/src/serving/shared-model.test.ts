import { disposeTree } from '@densessm/ssm-core';
import { memory } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { generate } from '../generate';
import type { GenerateOptions } from '../options';
import { chainBundle, pieceTokenizer, toyBundle } from '../test-support/toy-model';
import { PrefixStates } from './prefix-states';
import { type AnswerPart, type AnswerPrompt, type SharedBundle, SharedModel } from './shared-model';

async function partsOf(bundle: SharedBundle, prompt: AnswerPrompt, options?: GenerateOptions): Promise<AnswerPart[]> {
  const parts: AnswerPart[] = [];
  for await (const part of SharedModel.of(bundle).answer(prompt, options)) parts.push(part);
  return parts;
}
const textOf = (parts: readonly AnswerPart[]): string => parts.map(({ text }) => text).join('');

describe('a shared model', () => {
  it('answers as generate does, trims the start, and counts', async () => {
    const bundle = chainBundle([1, 2, 3, 0], pieceTokenizer(['a', ' ', 'b', '|'], 3));
    const parts = await partsOf(bundle, { ids: [2, 0], trimsStart: true });
    expect(textOf(parts)).toBe('b');
    expect(parts.at(-1)).toMatchObject({ finishReason: 'eos', promptTokens: 2, cachedTokens: 0, tokens: 3 });
    expect(textOf(await partsOf(bundle, { ids: [2, 0] }))).toBe((await generate(bundle, [2, 0])).text);
    expect((await partsOf(bundle, { ids: [0], stop: ['b'] })).at(-1)).toMatchObject({ finishReason: 'stop' });
    await SharedModel.of(bundle).close();
    disposeTree(bundle.params);
  });

  it('finds the state of an earlier prompt, whoever asked', async () => {
    const bundle = toyBundle();
    const ids = [1, 2, 3, 4, 5];
    await partsOf(bundle, { ids, borders: [3] }, { maxTokens: 2 });
    const again = await partsOf(bundle, { ids: [...ids, 6], borders: [3, 5] }, { maxTokens: 2 });
    expect(again[0]).toMatchObject({ promptTokens: 6, cachedTokens: 3 });
    const first = SharedModel.of(bundle);
    await first.close();
    expect(SharedModel.of(bundle)).not.toBe(first);
    await SharedModel.of(bundle).close();
    disposeTree(bundle.params);
  });

  it('samples as the model says, then as it is told, and draws where a seed is given', async () => {
    const bundle = { ...toyBundle({ scale: 1 }), samplingDefaults: { maxTokens: 3 }, eosIds: [] };
    expect((await partsOf(bundle, { ids: [1] })).at(-1)).toMatchObject({ tokens: 3, finishReason: 'length' });
    expect((await partsOf(bundle, { ids: [1] }, { maxTokens: 5, temperature: undefined })).at(-1)?.tokens).toBe(5);
    expect((await partsOf(bundle, { ids: [1] }, { seed: 4, topK: 3 })).length).toBe(3);
    await expect(partsOf(bundle, { ids: [1] }, { temperature: -1 })).rejects.toMatchObject({ code: 'OPTION' });
    await SharedModel.of(bundle).close();
    disposeTree(bundle.params);
  });

  it('ends with the reason of an abort, and leaves nothing behind', async () => {
    const bundle = toyBundle();
    const before = memory().numTensors;
    const abort = new AbortController();
    const reason = new Error('enough');
    const answer = SharedModel.of(bundle).answer({ ids: [1] }, { maxTokens: 1e6, signal: abort.signal });
    await answer.next();
    abort.abort(reason);
    await expect(
      (async () => {
        for await (const _ of answer);
      })(),
    ).rejects.toBe(reason);
    await expect(partsOf(bundle, { ids: [1] }, { signal: abort.signal })).rejects.toBe(reason);
    await SharedModel.of(bundle).close();
    expect(memory().numTensors).toBe(before);
    disposeTree(bundle.params);
  });
});

it('States of prompts stay within their bytes, the least recently used go', async () => {
  const state = { history: { count: 1, recent: [], drawn: 0 }, numbers: {}, tensors: [] };
  const tensor = { name: 'state.h', shape: [10], dtype: 'float32' as const, values: new Float32Array(10) };
  const states = new PrefixStates(100);
  const full = { ...state, tensors: [tensor] };
  await states.keep([1], full);
  await states.keep([2], full);
  expect(await states.find([1, 5], [1])).toMatchObject({ place: 1 });
  await states.keep([3], full);
  expect(await states.find([2], [1])).toBeUndefined();
  expect(await states.find([1], [1])).toMatchObject({ place: 1, state: full });
  expect(states.bytes).toBe(82);
  await new PrefixStates(10).keep([1], full);
});
