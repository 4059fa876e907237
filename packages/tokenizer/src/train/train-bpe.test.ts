import { describe, expect, it } from 'vitest';
import { fixtureLines, fixtureTexts } from '../../fixtures';
import { tokenizerFromJson } from '../from-json';
import { type TrainingProgress, trainByteLevelBpe } from './train-bpe';

const [texts = [], vocab, merges] = fixtureLines('training') as [string[], Record<string, number>, [string, string][]];
const modelOf = (tokenizer: { toJSON(): unknown }) =>
  (tokenizer.toJSON() as { model: { vocab: unknown; merges: [string, string][] } }).model;

describe('training', () => {
  it('makes the merges of the reference trainer', async () => {
    const model = modelOf(await trainByteLevelBpe(texts, { vocabSize: 320 }));
    expect(model.merges).toEqual(merges);
    expect(model.vocab).toEqual(vocab);
  });

  it('merges the most frequent pair first, of equally frequent ones the one with the smaller ids', async () => {
    const tokenizer = await trainByteLevelBpe(['ab ab cd cd', 'ba'], { vocabSize: 260, minFrequency: 1, specialTokens: [] });
    // Twice each: "ab", "cd"; the space before each once less than that.
    expect(modelOf(tokenizer).merges.slice(0, 2)).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  it('counts "aaaa" as three pairs and merges two', async () => {
    const tokenizer = await trainByteLevelBpe(['aaaa'], { vocabSize: 258, minFrequency: 1, specialTokens: [] });
    expect(modelOf(tokenizer).merges).toEqual([
      ['a', 'a'],
      ['aa', 'aa'],
    ]);
    expect(tokenizer.encode('aaaaa')).toEqual([257, tokenizer.tokenToId('a')]);
  });

  it('stops where no pair is frequent enough', async () => {
    expect((await trainByteLevelBpe(['ab ab'], { vocabSize: 1000, minFrequency: 3 })).vocabSize).toBe(257);
    expect((await trainByteLevelBpe([], { vocabSize: 1000 })).vocabSize).toBe(257);
  });

  it('gives special tokens the first ids and learns nothing of them', async () => {
    const specialTokens = ['<s>', '</s>', '<pad>'];
    const tokenizer = await trainByteLevelBpe(Array(9).fill('<s>ab</s>'), { vocabSize: 270, specialTokens });
    expect(tokenizer.specialIds).toEqual({ bos: 0, eos: 1, pad: 2, unk: null });
    expect(modelOf(tokenizer).merges).toEqual([['a', 'b']]);
    expect(tokenizer.encode('<s>ab</s>')).toEqual([0, 259, 1]);
  });

  it('reads from a list, a generator or an async generator, with the same outcome', async () => {
    async function* slowly() {
      for (const text of texts) yield text;
    }
    const [list, generator, async] = await Promise.all(
      [texts, texts.values(), slowly()].map((one) => trainByteLevelBpe(one, { vocabSize: 300 })),
    );
    expect(JSON.stringify(generator)).toBe(JSON.stringify(list));
    expect(JSON.stringify(async)).toBe(JSON.stringify(list));
  });

  it('makes a tokenizer that gives every text back, also after saving and loading', async () => {
    const trained = await trainByteLevelBpe(fixtureTexts(), { vocabSize: 400, specialTokens: [] });
    const loaded = tokenizerFromJson(JSON.stringify(trained));
    expect(trained.vocabSize).toBe(400);
    for (const text of fixtureTexts()) {
      expect(loaded.encode(text)).toEqual(trained.encode(text));
      expect(loaded.decode(loaded.encode(text))).toBe(text);
    }
  });

  it('takes characters that look the same for one where asked to', async () => {
    const trained = await trainByteLevelBpe(['é', 'e\u0301'], { vocabSize: 257, specialTokens: [], normalize: true });
    expect(trained.encode('e\u0301')).toEqual([256]);
    expect(trained.decode([256])).toBe('é');
  });
});

describe('training in progress', () => {
  it('tells how far it is', async () => {
    const told: TrainingProgress[] = [];
    await trainByteLevelBpe(texts, { vocabSize: 270, onProgress: (progress) => told.push(progress) });
    expect(told.filter(({ stage }) => stage === 'reading').map(({ done }) => done)).toEqual(
      texts.map((_, i) => texts.slice(0, i + 1).join('').length),
    );
    expect(told.at(-1)).toEqual({ stage: 'merging', done: 270, total: 270 });
  });

  it('ends where it is aborted: before, while reading, while merging', async () => {
    const reason = new Error('enough');
    const many = Array.from({ length: 3000 }, (_, i) => `word${i} word${i}`);
    await expect(trainByteLevelBpe(texts, { vocabSize: 300, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    for (const stage of ['reading', 'merging']) {
      const controller = new AbortController();
      const onProgress = (progress: TrainingProgress) => progress.stage === stage && controller.abort(reason);
      await expect(trainByteLevelBpe(many, { vocabSize: 3000, signal: controller.signal, onProgress })).rejects.toBe(reason);
    }
  });
});

describe('training with bad input', () => {
  it.each([
    [{ vocabSize: 256 }],
    [{ vocabSize: 300.5 }],
    [{ vocabSize: Number.NaN }],
    [{ vocabSize: 300, minFrequency: 0 }],
    [{ vocabSize: 300, specialTokens: ['<s>', '<s>'] }],
    [{ vocabSize: 300, specialTokens: ['a'] }],
    [{ vocabSize: 300, specialTokens: [''] }],
    [{ vocabSize: 300, specialTokens: '<s>' as never }],
  ])('refuses %j', async (options) => {
    await expect(trainByteLevelBpe(texts, options)).rejects.toMatchObject({ name: 'TokenizerError', code: 'OPTION' });
  });

  it.each([['one string'], [[1]], [[null]], [5]])('refuses %j for texts', async (bad) => {
    await expect(trainByteLevelBpe(bad as never, { vocabSize: 300 })).rejects.toMatchObject({ name: 'TokenizerError', code: 'OPTION' });
  });
});
