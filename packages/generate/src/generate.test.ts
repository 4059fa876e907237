import { disposeTree } from '@densessm/ssm-core';
import { memory, setBackend } from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ModelBundle } from './bundle';
import { generate, generateBatch, stream } from './generate';
import type { GenerateOptions } from './options';
import { Session } from './session/session';
import { chainBundle, pieceTokenizer, toyBundle } from './test-support/toy-model';
import type { Part } from './text-generator';

beforeAll(async () => {
  await setBackend('wasm');
});

async function partsOf(bundle: ModelBundle, prompt: string | number[], options: GenerateOptions): Promise<Part[]> {
  const parts: Part[] = [];
  for await (const part of stream(bundle, prompt, options)) parts.push(part);
  return parts;
}

/** Greedy by definition: the whole text through `forward` for each token. */
async function greedyByForward({ model, params, config }: ModelBundle, prompt: readonly number[], count: number): Promise<number[]> {
  const text = [...prompt];
  for (let i = 0; i < count; i++) {
    const logits = model.forward(params, config, [text]);
    const last = [...(await logits.data())].slice(-(logits.shape[2] as number));
    text.push(last.indexOf(Math.max(...last)));
    logits.dispose();
  }
  return text.slice(prompt.length);
}

describe('generate', () => {
  it('is greedy as forward is, whatever the chunk', async () => {
    const bundle = toyBundle();
    const prompt = [3, 1, 4, 1, 5, 9, 2, 6];
    const want = await greedyByForward(bundle, prompt, 9);
    for (const promptChunk of [1, 3, 8, 512]) {
      const { tokens, finishReason, promptTokens } = await generate(bundle, prompt, { maxTokens: 9, promptChunk });
      expect({ tokens, finishReason, promptTokens }).toEqual({ tokens: want, finishReason: 'length', promptTokens: 8 });
    }
    disposeTree(bundle.params);
  });

  it('repeats a draw from its seed, and says which seed that was', async () => {
    const bundle = toyBundle({ scale: 3 });
    const options = { temperature: 1, maxTokens: 20 };
    const first = await generate(bundle, [1], options);
    expect(first.seed).toBeDefined();
    expect((await generate(bundle, [1], { ...options, seed: first.seed })).tokens).toEqual(first.tokens);
    expect((await generate(bundle, [1], { ...options, seed: 1 })).tokens).not.toEqual(
      (await generate(bundle, [1], { ...options, seed: 2 })).tokens,
    );
    expect((await generate(bundle, [1], { maxTokens: 2 })).seed).toBeUndefined();
    disposeTree(bundle.params);
  });

  it('ends after an eos token, which has no text', async () => {
    const tokenizer = pieceTokenizer(['a', 'b', 'c', '</s>'], 3);
    const bundle = chainBundle([1, 2, 3, 0], tokenizer);
    expect(await generate(bundle, 'a')).toMatchObject({ tokens: [1, 2, 3], text: 'bc', finishReason: 'eos' });
    expect(await generate(bundle, 'a', { eosIds: [2] })).toMatchObject({ tokens: [1, 2], text: 'b', finishReason: 'eos' });
    expect(await generate(bundle, 'a', { eosIds: [], maxTokens: 5 })).toMatchObject({ tokens: [1, 2, 3, 0, 1], finishReason: 'length' });
    disposeTree(bundle.params);
  });

  it('shows nothing of a stop string that spans tokens', async () => {
    const tokenizer = pieceTokenizer(['He', 'llo', '\nUs', 'er', ': x']);
    const bundle = chainBundle([1, 2, 3, 4, 0], tokenizer);
    const parts = await partsOf(bundle, 'He', { stop: '\nUser:' });
    expect(parts.map(({ text }) => text)).toEqual(['llo', '', '', '']);
    expect(parts.at(-1)).toMatchObject({ token: 4, finishReason: 'stop' });
    expect(await generate(bundle, 'He', { stop: ['zz', 'er:'], maxTokens: 3 })).toMatchObject({
      text: 'llo\nUser',
      finishReason: 'length',
    });
    expect(await generate(bundle, 'He', { stop: ['zz', 'er:'], maxTokens: 4 })).toMatchObject({ text: 'llo\nUs', finishReason: 'stop' });
    disposeTree(bundle.params);
  });

  it('has the log-probabilities of the model, not of the sampler', async () => {
    const bundle = toyBundle();
    const { model, params, config } = bundle;
    const { tokens, logprobs, topLogprobs } = await generate(bundle, [1, 2], {
      ...{ maxTokens: 4, temperature: 2, topK: 3, seed: 5, repetitionPenalty: 1.3, topLogprobs: 2 },
    });
    const logits = model.forward(params, config, [[1, 2, ...tokens]]);
    const rows = (await logits.array()) as number[][][];
    for (const [i, token] of tokens.entries()) {
      const row = rows[0]?.[1 + i] as number[];
      const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
      expect(logprobs?.[i]).toBeCloseTo((row[token] as number) - total, 5);
      expect(topLogprobs?.[i]?.length).toBe(2);
      expect(topLogprobs?.[i]?.[0]).toMatchObject({ token: row.indexOf(Math.max(...row)) });
    }
    disposeTree([params, logits]);
  });
});

describe('beams', () => {
  it('end at a stop string, of which nothing is shown, and know the log-probabilities of the model', async () => {
    const tokenizer = pieceTokenizer(['He', 'llo', '\nUs', 'er', ': x', '!']);
    const bundle = chainBundle([1, 2, 3, 4, 5, 0], tokenizer);
    const found = await generate(bundle, 'He', { numBeams: 2, stop: '\nUser:', topLogprobs: 2, maxTokens: 30 });
    expect(found).toMatchObject({ tokens: [1, 2, 3, 4], text: 'llo', finishReason: 'stop' });
    const alone = await generate(bundle, 'He', { topLogprobs: 2, maxTokens: 4 });
    expect([found.logprobs, found.topLogprobs]).toEqual([alone.logprobs, alone.topLogprobs]);
    expect(found.score).toBeCloseTo((alone.logprobs ?? []).reduce((a, b) => a + b, 0) / 4, 5);
    const going = await generate(bundle, 'He', { numBeams: 2, stop: 'zz', maxTokens: 3 });
    expect(going).toMatchObject({ text: 'llo\nUser', finishReason: 'length' });
    expect(going.logprobs).toBeUndefined();
    disposeTree(bundle.params);
  });
});

describe('a batch of unequal prompts', () => {
  it.each([false, true])('gives every row what it gets alone (positions on the host: %s)', async (isPositional) => {
    const bundle = toyBundle({ isPositional, scale: 4 });
    const prompts = [[1, 2, 3], [4], [5, 6, 7], [8, 9, 10, 0, 1, 2], [3]];
    for (const options of [{ maxTokens: 7 }, { maxTokens: 9, eosIds: [4, 7] }, { maxTokens: 7, promptChunk: 2, topLogprobs: 1 }]) {
      const together = await generateBatch(bundle, prompts, options);
      for (const [row, prompt] of prompts.entries()) expect(together[row]).toEqual(await generate(bundle, prompt, options));
    }
    const [first, second] = await generateBatch(
      bundle,
      [
        [1, 2, 3],
        [1, 2, 3],
      ],
      { temperature: 1, seed: 3, maxTokens: 12 },
    );
    expect(first?.tokens).toEqual((await generate(bundle, [1, 2, 3], { temperature: 1, seed: 3, maxTokens: 12 })).tokens);
    expect(second?.tokens).not.toEqual(first?.tokens);
    disposeTree(bundle.params);
  });
});

describe('memory', () => {
  it('is all given back, also where a loop is broken off or the model throws', async () => {
    const bundle = toyBundle({ isPositional: true });
    const before = memory().numTensors;
    await generateBatch(bundle, [[1], [2, 3], [4]], { maxTokens: 5, eosIds: [6] });
    await generate(bundle, [1, 2], { numBeams: 3, maxTokens: 4 });
    for await (const part of stream(bundle, [1, 2, 3])) if (part.token !== undefined) break;
    await expect(generate(bundle, [1, 99])).rejects.toMatchObject({ code: 'TOKENS' });
    await expect(generateBatch(bundle, [[1], [2, 99]])).rejects.toMatchObject({ code: 'TOKENS' });
    await expect(generate(bundle, [1, 99], { numBeams: 2 })).rejects.toMatchObject({ code: 'TOKENS' });
    expect(memory().numTensors).toBe(before);
    disposeTree(bundle.params);
  });
});

describe('an abort', () => {
  it('ends a stream with what there is, and lets the event loop run before', async () => {
    const bundle = toyBundle();
    const before = memory().numTensors;
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 5); // fires only if the loop yields
    const parts = await partsOf(bundle, [1], { maxTokens: 1e9, signal: controller.signal });
    expect(parts.at(-1)).toEqual({ token: undefined, text: '', finishReason: 'aborted' });
    expect(memory().numTensors).toBe(before);
    disposeTree(bundle.params);
  });

  it('ends prompts, batches and beams too', async () => {
    const bundle = toyBundle({ isPositional: true });
    const before = memory().numTensors;
    const signal = AbortSignal.abort();
    expect(await generate(bundle, [1, 2, 3], { signal })).toMatchObject({ tokens: [], finishReason: 'aborted' });
    expect((await generateBatch(bundle, [[1], [2, 3]], { signal })).map(({ finishReason }) => finishReason)).toEqual([
      'aborted',
      'aborted',
    ]);
    const later = new AbortController();
    setTimeout(() => later.abort(), 5);
    const batch = await generateBatch(bundle, [[1], [2, 3]], { signal: later.signal, maxTokens: 1e9 });
    expect(batch.map(({ finishReason }) => finishReason)).toEqual(['aborted', 'aborted']);
    const last = new AbortController();
    setTimeout(() => last.abort(), 5);
    const beam = await generate(bundle, [1], { signal: last.signal, maxTokens: 1e9, numBeams: 2, noRepeatNgram: 0 });
    expect(beam.finishReason).toBe('aborted');
    expect(memory().numTensors).toBe(before);
    disposeTree(bundle.params);
  });
});

describe('options', () => {
  const bad: [string, GenerateOptions, RegExp][] = [
    ['a misspelled name', { top_p: 0.9 } as GenerateOptions, /`top_p`.*one of maxTokens/s],
    ['no tokens', { maxTokens: 0 }, /`maxTokens`.*an integer from 1/s],
    ['half a token', { maxTokens: 1.5 }, /`maxTokens`/],
    ['top-p of nothing', { temperature: 1, topP: 0 }, /`topP`.*above 0 to 1.*got {7}0/s],
    ['top-p above one', { temperature: 1, topP: 1.1 }, /`topP`/],
    ['a temperature below zero', { temperature: -1 }, /`temperature`/],
    ['a NaN', { temperature: Number.NaN }, /`temperature`.*got {7}NaN/s],
    ['a cut without a temperature', { topK: 5 }, /topK.*add temperature: 1/s],
    ['a seed without a temperature', { seed: 5 }, /seed.*add temperature: 1/s],
    ['a seed below zero', { temperature: 1, seed: -1 }, /`seed`/],
    ['beams and sampling', { numBeams: 2, temperature: 1 }, /search or draw/],
    ['beams and a cut', { numBeams: 2, temperature: 0, topK: 3 }, /`topK`.*2 beams/s],
    ['a length penalty without beams', { lengthPenalty: 2 }, /`lengthPenalty`.*numBeams/s],
    ['a bias for no token', { logitBias: { x: 1 } as GenerateOptions['logitBias'] }, /`logitBias`/],
    ['an infinite bias', { logitBias: { 1: Infinity } }, /`logitBias`/],
    ['an empty stop string', { stop: '' }, /`stop`/],
    ['stop strings without a tokenizer', { stop: 'x' }, /no tokenizer/],
    ['an eos that is no id', { eosIds: [-1] }, /`eosIds`/],
    ['a penalty of zero', { repetitionPenalty: 0 }, /`repetitionPenalty`/],
  ];

  it.each(bad)('are refused: %s', async (_, options, message) => {
    const bundle = toyBundle();
    const before = memory().numTensors;
    const doors = [() => generate(bundle, [1], options), () => generateBatch(bundle, [[1]], options), () => partsOf(bundle, [1], options)];
    for (const door of doors) {
      await expect(door()).rejects.toMatchObject({ name: 'SsmError', code: 'OPTION', message: expect.stringMatching(message) });
    }
    expect(memory().numTensors).toBe(before);
    disposeTree(bundle.params);
  });

  it('and so are prompts without tokens, text without a tokenizer and beams in a stream', async () => {
    const bundle = toyBundle();
    await expect(generate(bundle, [])).rejects.toMatchObject({ code: 'TOKENS', message: expect.stringMatching(/the prompt is empty/) });
    await expect(generate(bundle, 'text')).rejects.toMatchObject({ code: 'OPTION', message: expect.stringMatching(/no tokenizer/) });
    await expect(generateBatch(bundle, [])).rejects.toMatchObject({ code: 'TOKENS' });
    await expect(generateBatch(bundle, [1, 2] as unknown as number[][])).rejects.toThrow(/a list of numbers/);
    await expect(partsOf(bundle, [1], { numBeams: 2 })).rejects.toThrow(/search with generate/);
    await expect(generate(bundle, [1], { logitBias: { 99: 1 } })).rejects.toMatchObject({ code: 'TOKENS' });
    disposeTree(bundle.params);
  });

  it.each([
    [{ max_new_tokens: 5 }, /did you mean `maxTokens`\?/],
    [{ maxNewTokens: 5 }, /did you mean `maxTokens`\?/],
    [{ numPredict: 5 }, /did you mean `maxTokens`\?/],
    [{ max_tokens: 5 }, /did you mean `maxTokens`\?/],
    [{ maxtoken: 5 }, /did you mean `maxTokens`\?/],
    [{ top_p: 0.9 }, /did you mean `topP`\?/],
    [{ repeat_penalty: 1.1 }, /did you mean `repetitionPenalty`\?/],
    [{ stopSequences: ['x'] }, /did you mean `stop`\?/],
    [{ temprature: 1 }, /did you mean `temperature`\?/],
    [{ do_sample: true }, /temperature 0 takes the most likely token/],
    [{ onProgress: () => undefined }, /read the parts of stream/],
    [{ zzz: 1 }, /correct its spelling/],
  ])('of another name are told the name that was meant: %o', async (options, message) => {
    const bundle = toyBundle();
    await expect(generate(bundle, [1], options as never)).rejects.toMatchObject({
      code: 'OPTION',
      message: expect.stringMatching(message),
    });
    disposeTree(bundle.params);
  });

  it('in the place of another argument are told the order', async () => {
    const bundle = toyBundle();
    const wrong: [Promise<unknown>, RegExp][] = [
      [generate('text' as never, bundle as never), /write generate\(model, prompt, options\)/],
      [generate(bundle, { maxTokens: 3 } as never, [1] as never), /after the prompt/],
      [generate(bundle, { maxTokens: 3 } as never), /pass the prompt first/],
      [generate(bundle, [1], 20 as never), /write { maxTokens: 20 }, after the prompt/],
      [generate(bundle, [{ role: 'user', content: 'Hi' }] as never), /answer a conversation with model\.chat/],
      [partsOf([1] as never, bundle as never, {}), /write stream\(model, prompt, options\)/],
    ];
    for (const [result, message] of wrong)
      await expect(result).rejects.toMatchObject({ code: 'OPTION', message: expect.stringMatching(message) });
    expect(() => new Session([1] as never)).toThrow(/new Session\(model, options\)/);
    disposeTree(bundle.params);
  });

  it('of any kind never break the stream: its parts are the text', async () => {
    const tokenizer = pieceTokenizer(['a', 'b', 'ab', 'c', 'bc']);
    const bundle = toyBundle({ vocabSize: 5, scale: 2, tokenizer });
    const options = fc.record({
      ...{ temperature: fc.constantFrom(0.5, 1, 2), seed: fc.nat(), topK: fc.nat(6), minP: fc.constantFrom(0, 0.2) },
      ...{ frequencyPenalty: fc.constantFrom(0, 0.5), maxTokens: fc.integer({ min: 1, max: 8 }) },
      stop: fc.array(fc.constantFrom('abc', 'ba', 'cc'), { maxLength: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(options, async (some) => {
        const parts = await partsOf(bundle, [0], some);
        const text = parts.map((part) => part.text).join('');
        const all = tokenizer.decode(parts.map(({ token }) => token as number));
        expect(all.startsWith(text)).toBe(true);
        expect(some.stop.some((stop) => text.includes(stop))).toBe(false);
        expect(parts.at(-1)?.finishReason).toBe(some.stop.some((stop) => all.includes(stop)) ? 'stop' : 'length');
        if (parts.at(-1)?.finishReason === 'length') expect(text).toBe(all);
      }),
      { numRuns: 40, seed: 11 },
    );
    disposeTree(bundle.params);
  });
});
