import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tokenizerFromJson } from './from-json';
import { byteTokenizer, characterTokenizer } from './small';
import type { Tokenizer } from './tokenizer';

const reloaded = (tokenizer: Tokenizer): Tokenizer => tokenizerFromJson(JSON.stringify(tokenizer));

describe('a byte tokenizer', () => {
  it('has a byte of UTF-8 for an id, also after saving and loading', () => {
    for (const tokenizer of [byteTokenizer(), reloaded(byteTokenizer())]) {
      expect(tokenizer.vocabSize).toBe(256);
      fc.assert(
        fc.property(fc.string({ unit: 'binary' }), (text) => {
          const ids = tokenizer.encode(text);
          expect(ids).toEqual([...new TextEncoder().encode(text)]);
          expect(tokenizer.decode(ids)).toBe(text);
        }),
        { seed: 1 },
      );
    }
  });

  it('has special tokens from 256 on', () => {
    const tokenizer = reloaded(byteTokenizer({ specialTokens: ['<s>', '</s>', '<pad>'] }));
    expect(tokenizer.specialIds).toEqual({ bos: 256, eos: 257, pad: 258, unk: null });
    expect(tokenizer.encode('<s>é</s>')).toEqual([256, 0xc3, 0xa9, 257]);
    expect(tokenizer.decode([256, 65, 257], { skipSpecialTokens: true })).toBe('A');
  });

  it('refuses special tokens that could be text, or twice the same', () => {
    for (const specialTokens of [['a'], [''], ['<s>', '<s>'], [5 as never]])
      expect(() => byteTokenizer({ specialTokens })).toThrow(expect.objectContaining({ name: 'TokenizerError', code: 'OPTION' }));
  });
});

describe('a character tokenizer', () => {
  it('has the characters of its texts in the order of Unicode, also after saving and loading', () => {
    const tokenizer = characterTokenizer(['hello', '🙂 é\n'], { specialTokens: ['</s>'] });
    for (const one of [tokenizer, reloaded(tokenizer)]) {
      expect(Array.from({ length: one.vocabSize }, (_, id) => one.idToToken(id))).toEqual([
        '<unk>',
        '</s>',
        '\n',
        ' ',
        'e',
        'h',
        'l',
        'o',
        'é',
        '🙂',
      ]);
      expect(one.encode('hé🙂x')).toEqual([5, 8, 9, 0]);
      expect(one.decode([5, 8, 9])).toBe('hé🙂');
      expect(one.specialIds).toEqual({ bos: null, eos: 1, pad: null, unk: 0 });
    }
  });

  it('refuses characters that it does not know where it has no token for them', () => {
    const tokenizer = reloaded(characterTokenizer('abc', { unkToken: null }));
    expect(tokenizer.vocabSize).toBe(3);
    expect(tokenizer.encode('cab')).toEqual([2, 0, 1]);
    expect(() => tokenizer.encode('abd')).toThrow(expect.objectContaining({ name: 'TokenizerError', code: 'TOKENS' }));
  });

  it('leaves out half characters and refuses texts without any', () => {
    expect(characterTokenizer('a\ud800', { unkToken: null }).vocabSize).toBe(1);
    expect(() => characterTokenizer([])).toThrow(expect.objectContaining({ name: 'TokenizerError', code: 'OPTION' }));
  });
});
