import { describe, expect, it } from 'vitest';
import { fixtureBytes, fixtureLines, fixtureTexts, fixtureTokenizer } from '../fixtures';
import { tokenizerFromSentencePiece } from './sentencepiece/from-model';
import type { Tokenizer } from './tokenizer';

/** What Python makes of a text, and of the ids `noise`; see `brief` in the script that made the fixtures. */
interface Outcome {
  ids: number[];
  special?: number[];
  plain?: number[];
  noise: number[];
  /** Of `ids` where there are any, and of `noise`: one text, or one with special tokens and one without. */
  decoded: (string | [string, string])[];
}

const texts = fixtureTexts();

describe.each(['gpt-neox', 'gpt-4', 'llama', 'unigram'])('a tokenizer like %s', (name) => {
  const tokenizer = fixtureTokenizer(name);
  const outcomes = fixtureLines<Outcome>(name).slice(1);

  it('has the ids of the reference, with special tokens, without, and with their names as text', () => {
    const got = texts.map((text) => ({
      ids: tokenizer.encode(text, { addSpecialTokens: false }),
      special: tokenizer.encode(text),
      plain: tokenizer.encode(text, { addSpecialTokens: false, specialTokensAsText: true }),
    }));
    expect(got).toEqual(outcomes.map(({ ids, special = ids, plain = ids }) => ({ ids, special, plain })));
  });

  it('has the text of the reference, at once and bit by bit', () => {
    for (const { ids, noise, decoded } of outcomes) {
      const lists = ids.length > 0 ? [ids, noise] : [noise];
      const pairs = decoded.map((one) => (typeof one === 'string' ? [one, one] : one));
      expect(lists.map((list) => bothWays(list, (skip) => tokenizer.decode(list, { skipSpecialTokens: skip })))).toEqual(pairs);
      expect(lists.map((list) => bothWays(list, (skip) => streamed(tokenizer, list, skip)))).toEqual(pairs);
    }
  });
});

const bothWays = (_: number[], decode: (skip: boolean) => string): string[] => [decode(false), decode(true)];

function streamed(tokenizer: Tokenizer, ids: number[], skipSpecialTokens: boolean): string {
  const stream = tokenizer.decodeStream({ skipSpecialTokens });
  return ids.map((id) => stream.push(id)).join('') + stream.end();
}

describe.each(['bpe', 'unigram'])('a SentencePiece model of type %s', (type) => {
  it('has the ids that SentencePiece gives it', () => {
    const tokenizer = tokenizerFromSentencePiece(fixtureBytes(`sentencepiece-${type}.model`));
    const expected = fixtureLines<number[] | null>(`sentencepiece-${type}`);
    expect(expected).toHaveLength(texts.length);
    const got = texts.map((text, index) => expected[index] && tokenizer.encode(text, { addSpecialTokens: false }));
    expect(got).toEqual(expected);
  });
});
