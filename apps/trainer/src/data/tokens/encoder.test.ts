import { byteTokenizer, characterTokenizer, type Tokenizer, tokenizerFromJson, trainByteLevelBpe } from '@densessm/tokenizer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Piece } from '../reading/piece';
import { cutBetweenWords } from './cut-words';
import { encoderOf } from './encoder';

const unicode = fc.string({ unit: 'grapheme', maxLength: 40 });

describe('the quick ways to encode', () => {
  it('give the ids of the tokenizer itself', () => {
    fc.assert(
      fc.property(unicode, unicode, (text, more) => {
        fc.pre(text !== '');
        const characters = characterTokenizer([text, more], { unkToken: null, specialTokens: ['<|endoftext|>'] });
        expect(Array.from(encoderOf(characters, 'char').encode(text))).toEqual(characters.encode(text));
        const bytes = byteTokenizer({ specialTokens: ['<|endoftext|>'] });
        expect(Array.from(encoderOf(bytes, 'byte').encode(text))).toEqual(bytes.encode(text));
      }),
      { numRuns: 40, seed: 1 },
    );
  });

  it('say which character is not in the vocabulary', () => {
    const { encode } = encoderOf(characterTokenizer('abc', { unkToken: null }), 'char');
    expect(() => encode('abx')).toThrow(/x/);
  });
});

describe('what stands around a document', () => {
  const withSpecials = (specialTokens: string[]) => encoderOf(byteTokenizer({ specialTokens }), 'byte');
  it.each([
    [[], null, null],
    [['<|endoftext|>'], 256, null],
    [['<s>', '</s>'], 256, 257],
  ])('of a tokenizer with %j', (specialTokens, before, after) => {
    expect(withSpecials(specialTokens)).toMatchObject({ before, after });
  });
});

async function collect(pieces: AsyncIterable<Piece>): Promise<Piece[]> {
  const all: Piece[] = [];
  for await (const piece of pieces) all.push(piece);
  return all;
}

describe('a long document', () => {
  const words = (count: number, seed: number): string =>
    Array.from(
      { length: count },
      (_, i) => ['fox', 'ran', "didn't", '  two', 'end.\n\n', '3 14', 'über', '🙂'][(i * seed + (i >> 3)) % 8],
    ).join(' ');

  async function* pieces(texts: readonly string[], size: number): AsyncGenerator<Piece> {
    for (const text of texts) for (let at = 0; at < text.length; at += size) yield { text: text.slice(at, at + size), isFirst: at === 0 };
  }

  it('has the same ids in pieces as in one', async () => {
    const texts = [words(30_000, 3), words(10, 5), words(25_000, 7)];
    const json = JSON.stringify(await trainByteLevelBpe(texts, { vocabSize: 320 }));
    const tokenizer: Tokenizer = tokenizerFromJson(json);
    const { encode } = encoderOf(tokenizer, 'bpe');
    for (const size of [50_000, 200_000]) {
      const cut = await collect(cutBetweenWords(pieces(texts, size)));
      expect(cut.length).toBeGreaterThan(4);
      expect(cut.filter(({ isFirst }) => isFirst).length).toBe(3);
      expect(cut.flatMap(({ text }) => Array.from(encode(text)))).toEqual(texts.flatMap((text) => Array.from(encode(text))));
    }
  });

  it('without a space is cut all the same, and not within a character', async () => {
    const text = '🙂'.repeat(700_000);
    const cut = await collect(cutBetweenWords(pieces([`x${text}`], 100_000)));
    expect(cut.length).toBeGreaterThan(1);
    expect(cut.map((piece) => piece.text).join('')).toBe(`x${text}`);
    for (const piece of cut) expect(/\p{Surrogate}/u.test(piece.text)).toBe(false);
  });
});
