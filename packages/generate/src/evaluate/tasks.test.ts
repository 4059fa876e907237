import { mamba } from '@densessm/mamba';
import { retnet } from '@densessm/retnet';
import { disposeTree } from '@densessm/ssm-core';
import { memory, setBackend } from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ModelBundle } from '../bundle';
import { chainBundle, pieceTokenizer, toyBundle } from '../test-support/toy-model';
import { batchesOf } from './batches';
import { jsonLines } from './documents';
import { loglikelihood, loglikelihoodRolling } from './loglikelihood';
import { withoutSpaceAtEnd, wordsOf } from './python-space';
import type { EvaluationOptions } from './score';
import { lambada, multipleChoice, perplexity } from './tasks';

beforeAll(async () => {
  await setBackend('wasm');
});

const PIECES = ['a', ' a', 'é', ' é', ' bb', '\n', 'c'];
const tokenizer = { ...pieceTokenizer(PIECES), specialIds: { bos: 6, eos: null } };

describe('perplexity', () => {
  it('divides the log-likelihood of all texts by all their words, bytes and tokens', async () => {
    const bundle = toyBundle({ vocabSize: 7, scale: 2, tokenizer });
    const texts = ['a a é', 'c bb\na a'];
    let sum = 0;
    for (const text of texts) sum += (await loglikelihoodRolling(bundle, text)).logprob;
    async function* documents() {
      for (const text of texts) yield { text };
    }
    const result = await perplexity(bundle, documents());
    expect(result).toMatchObject({ words: 7, bytes: 6 + 8, tokens: 8, documents: 2, loglikelihood: sum });
    expect(result.word_perplexity).toBeCloseTo(Math.exp(-sum / 7), 8);
    expect(result.byte_perplexity).toBeCloseTo(Math.exp(-sum / 14), 8);
    expect(result.bits_per_byte).toBeCloseTo(-sum / 14 / Math.log(2), 8);
    expect(result.token_perplexity).toBeCloseTo(Math.exp(-sum / 8), 8);
    expect(result.samples.map(({ words, bytes, tokens }) => [words, bytes, tokens])).toEqual([
      [3, 6, 3],
      [4, 8, 5],
    ]);
    await expect(perplexity(bundle, ['a', { text: '' }])).rejects.toThrow(/perplexity: document 1 .*\n.*not empty/);
    disposeTree(bundle.params);
  });
});

const sequenceModels: [string, () => ModelBundle][] = [
  ['mamba', () => bundleOf(mamba, { model_type: 'mamba', vocab_size: 7, hidden_size: 8, num_hidden_layers: 2, initializer_range: 0.5 })],
  [
    'retnet',
    () =>
      bundleOf(retnet, {
        ...{ vocab_size: 7, decoder_embed_dim: 8, decoder_value_embed_dim: 12, decoder_retention_heads: 2 },
        ...{ decoder_ffn_embed_dim: 10, decoder_layers: 2 },
      }),
  ],
];

function bundleOf(model: ModelBundle['model'], json: object): ModelBundle {
  const config = model.parseConfig(json);
  return { model, config, params: model.init(config, 3), tokenizer };
}

describe.each(sequenceModels)('a batch of unequal texts under %s', (_, make) => {
  const words = fc
    .array(fc.constantFrom('a', 'é', 'bb'), { minLength: 2, maxLength: 12 })
    .map((list) => list.join(' ').replace(/^bb/, 'a bb'));
  const texts = fc.sample(words, { numRuns: 11, seed: 5 });

  const asDocuments = texts.map((text) => ({ text }));

  it('says of each what it says of it alone', async () => {
    const bundle = make();
    const before = memory().numTensors;
    const samplesOf = async (options: EvaluationOptions) => ({
      last: (await lambada(bundle, asDocuments, options)).samples,
      whole: (await perplexity(bundle, texts, { ...options, windowLength: 7, contextLength: 3 })).samples,
      choice: (await multipleChoice(bundle, [{ query: 'c', choices: texts, gold: 0 }], options)).samples[0]?.logprobs ?? [],
    });
    const alone = await samplesOf({ batchSize: 1 });
    const together = [await samplesOf({ batchSize: 4 }), await samplesOf({ promptChunk: 20 })];
    for (const one of together) {
      for (const [i] of texts.entries()) {
        expect(one.last[i]?.isGreedy).toBe(alone.last[i]?.isGreedy);
        expect(one.last[i]?.logprob).toBeCloseTo(alone.last[i]?.logprob ?? Number.NaN, 4);
        expect(one.whole[i]?.loglikelihood).toBeCloseTo(alone.whole[i]?.loglikelihood ?? Number.NaN, 4);
        expect(one.choice[i]).toBeCloseTo(alone.choice[i] ?? Number.NaN, 4);
      }
    }
    expect(memory().numTensors).toBe(before);
    disposeTree(bundle.params);
  });
});

it('puts every row into one batch, with rows that are nearly as long', () => {
  const sizes = fc.tuple(fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 40 }), fc.integer({ min: 1, max: 9 }));
  fc.assert(
    fc.property(sizes, ([lengths, most]) => {
      const batches = batchesOf(lengths, most);
      expect(batches.flat().sort((a, b) => a - b)).toEqual([...lengths.keys()]);
      for (const batch of batches) {
        const own = batch.map((row) => lengths[row] as number);
        expect(batch.length).toBeLessThanOrEqual(most);
        expect(Math.min(...own)).toBeGreaterThanOrEqual(0.75 * Math.max(...own));
      }
    }),
  );
});

it('counts words and strips space as Python does', () => {
  // len(re.split(r"\s+", t)) and t.rstrip() of CPython 3.11
  expect(['', ' a', 'a b\u0085c\u001cd', 'a\ufeffb', '\u3000'].map(wordsOf)).toEqual([1, 2, 4, 1, 2]);
  expect(['a \n\u0085', 'a\ufeff', ' ', 'a b'].map(withoutSpaceAtEnd)).toEqual(['a', 'a\ufeff', '', 'a b']);
});

describe('lambada', () => {
  it('asks for the last word, with the space before it', async () => {
    const bundle = chainBundle([1, 4, 0, 1, 3, 0, 2], tokenizer); // a → " a" → " bb" → " é" → " a"
    const texts = ['a a bb', 'c é bb', 'c é a', 'a bb é'].map((text) => ({ text }));
    const result = await lambada(bundle, texts);
    expect(result).toMatchObject({ task: 'lambada_openai', acc: 0.75, documents: 4 });
    expect(result.acc_stderr).toBeCloseTo(Math.sqrt((0.75 * 0.25) / 3), 10);
    let sum = 0;
    for (const [context, word] of [
      ['a a', ' bb'],
      ['c é', ' bb'],
      ['c é', ' a'],
      ['a bb', ' é'],
    ] as const)
      sum += (await loglikelihood(bundle, context, word)).logprob;
    expect(result.perplexity).toBeCloseTo(Math.exp(-sum / 4), 8);
    expect(result.samples.map(({ isGreedy }) => isGreedy)).toEqual([true, false, true, true]);
    await expect(lambada(bundle, [{ text: 'a' }])).rejects.toThrow(/document 0.*\n.*two words/);
    await expect(lambada(bundle, [])).rejects.toThrow(/no documents/);
    disposeTree(bundle.params);
  });
});

describe('multiple choice', () => {
  it('takes the most likely choice, and the most likely by character', async () => {
    const bundle = toyBundle({ vocabSize: 7, scale: 0.3, tokenizer }); // so even that length decides
    const choices = ['a', 'a a', 'é é é'];
    const scores: number[] = [];
    for (const choice of choices) scores.push((await loglikelihood(bundle, 'c', ` ${choice}`)).logprob);
    const perCharacter = scores.map((score, i) => score / ([1, 3, 5][i] as number));
    const best = scores.indexOf(Math.max(...scores));
    const bestByCharacter = perCharacter.indexOf(Math.max(...perCharacter));
    expect(bestByCharacter).not.toBe(best);
    const lines = [best, bestByCharacter, best].map((gold) => JSON.stringify({ query: 'c', choices, gold })).join('\n');
    const result = await multipleChoice(bundle, jsonLines(`${lines}\n\n`));
    expect(result).toMatchObject({ acc: 2 / 3, acc_norm: 1 / 3, documents: 3 });
    expect(result.acc_stderr).toBeCloseTo(1 / 3, 10);
    expect(result.samples[1]).toEqual({ logprobs: scores, gold: bestByCharacter, encodedAlone: false });
    disposeTree(bundle.params);
  });

  it('goes on where a token spans query and choice, and says of which question', async () => {
    const joined = { ...pieceTokenizer(['a', ':', ': C', ' ', 'C', 'D', ' D']), specialIds: { bos: 6, eos: null } };
    const bundle = toyBundle({ vocabSize: 7, tokenizer: joined });
    const choices = ['C', 'D'];
    const { samples } = await multipleChoice(bundle, [
      { query: 'a:', choices, gold: 0 },
      { query: 'a', choices, gold: 0 },
    ]);
    const alone = [await loglikelihood(bundle, [0, 1], [3, 4]), await loglikelihood(bundle, [0, 1], [6])];
    expect(samples[0]?.logprobs).toEqual(alone.map(({ logprob }) => logprob));
    expect(samples.map(({ encodedAlone }) => encodedAlone)).toEqual([true, false]);
    disposeTree(bundle.params);
  });

  it('names the question of whose choice the tokenizer makes nothing', async () => {
    const mute = { ...tokenizer, encode: (text: string) => tokenizer.encode(text.replaceAll(' é', '')) };
    const bundle = toyBundle({ vocabSize: 7, tokenizer: mute });
    const good = { query: 'c', choices: ['a'], gold: 0 };
    await expect(multipleChoice(bundle, [good, { ...good, choices: ['é'] }])).rejects.toThrow('multipleChoice: document 1');
    disposeTree(bundle.params);
  });

  it('names the question or line that cannot be used', async () => {
    const bundle = toyBundle({ vocabSize: 7, tokenizer });
    const good = { query: 'c', choices: ['a'], gold: 0 };
    for (const bad of [{}, 'text', { ...good, gold: 1 }, { ...good, choices: [] }, { ...good, choices: [''] }, { ...good, query: 1 }])
      await expect(multipleChoice(bundle, [good, bad])).rejects.toMatchObject({
        code: 'FILE',
        message: expect.stringMatching(/document 1/),
      });
    expect(() => [...jsonLines('{}\n{')]).toThrow(/line 2 is no JSON/);
    disposeTree(bundle.params);
  });
});
