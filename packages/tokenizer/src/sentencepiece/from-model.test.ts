import { describe, expect, it } from 'vitest';
import { fixtureBytes, fixtureTexts, thrown } from '../../fixtures';
import { TokenizerError } from '../errors';
import { tokenizerFromJson } from '../from-json';
import { tokenizerFromSentencePiece } from './from-model';

const bpe = fixtureBytes('sentencepiece-bpe.model');
const unigram = fixtureBytes('sentencepiece-unigram.model');

/** One field of a message: bytes or text as such, a number as a varint of one byte. */
const field = (number: number, value: Uint8Array | string | number): Uint8Array => {
  if (typeof value === 'number') return Uint8Array.of(...varint(8 * number), value);
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  return Uint8Array.of(...varint(8 * number + 2), ...varint(bytes.length), ...bytes);
};
const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]);
const message = (...fields: Uint8Array[]): Uint8Array => Uint8Array.from(fields.flatMap((one) => [...one]));

describe('a SentencePiece model', () => {
  it.each([
    ['BPE', bpe],
    ['unigram', unigram],
  ])('of type %s becomes a tokenizer.json with the same ids', (_, bytes) => {
    const tokenizer = tokenizerFromSentencePiece(bytes);
    const json = tokenizerFromJson(JSON.stringify(tokenizer));
    for (const text of fixtureTexts()) expect(json.encode(text)).toEqual(tokenizer.encode(text));
    expect(json.specialIds).toMatchObject({ bos: 1, eos: 2, unk: 0 });
  });

  it('begins and ends a text as asked', () => {
    const inner = tokenizerFromSentencePiece(bpe, { addBos: false }).encode('ab');
    expect(tokenizerFromSentencePiece(bpe).encode('ab')).toEqual([1, ...inner]);
    expect(tokenizerFromSentencePiece(bpe, { addEos: true }).encode('ab')).toEqual([1, ...inner, 2]);
    expect(tokenizerFromSentencePiece(bpe).specialIds).toEqual({ bos: 1, eos: 2, pad: null, unk: 0 });
  });

  it('gives text back, spaces and unknown characters included', () => {
    const tokenizer = tokenizerFromSentencePiece(bpe);
    for (const text of [' a  b ', '日本🙂\n\n', '', '  '])
      expect(tokenizer.decode(tokenizer.encode(text, { addSpecialTokens: false }))).toBe(text);
  });

  it('replaces characters as its rules say', () => {
    const tokenizer = tokenizerFromSentencePiece(unigram);
    expect(tokenizer.encode('ﬁne\u00a0e\u0301\u200b  ①')).toEqual(tokenizer.encode('fine é 1'));
  });
});

describe('a broken model', () => {
  it.each([
    ['BPE', bpe],
    ['unigram', unigram],
  ])('is an error wherever it ends (%s)', (_, bytes) => {
    for (let length = 0; length < bytes.length; length += length < 300 ? 1 : 97) {
      try {
        tokenizerFromSentencePiece(bytes.subarray(0, length)); // between two fields there is nothing to notice
      } catch (error) {
        expect(error).toBeInstanceOf(TokenizerError);
      }
    }
  });

  it('is an error whatever bit is turned, or another model', () => {
    for (let at = 0; at < bpe.length; at += 41) {
      const turned = Uint8Array.from(bpe);
      turned[at] = (turned[at] ?? 0) ^ (1 << (at % 8));
      try {
        tokenizerFromSentencePiece(turned).encode('some text 日本');
      } catch (error) {
        expect(error).toBeInstanceOf(TokenizerError);
      }
    }
  });

  it('says what is wrong', () => {
    expect(thrown(() => tokenizerFromSentencePiece(new TextEncoder().encode('version https://git-lfs')))).toMatchInlineSnapshot(`
      "TokenizerError: tokenizer.model: the bytes are no SentencePiece model.
        expected  a protocol buffer message with pieces
        got       a field of wire type 6
        fix       get the file again: it may have been cut short, or be a web page or a Git LFS pointer instead"
    `);
    expect(thrown(() => tokenizerFromSentencePiece(new Uint8Array(0)))).toMatchInlineSnapshot(`
      "TokenizerError: tokenizer.model: the bytes are no SentencePiece model.
        expected  a protocol buffer message with pieces
        got       no pieces
        fix       get the file again: it may have been cut short, or be a web page or a Git LFS pointer instead"
    `);
    expect(thrown(() => tokenizerFromSentencePiece('x' as never))).toMatchInlineSnapshot(
      `
      "TokenizerError: tokenizerFromSentencePiece: the model is not given as bytes.
        expected  a Uint8Array
        got       "x"
        fix       read the file as bytes, not as text"
    `,
    );
  });

  const pieces = message(field(1, message(field(1, '<unk>'), field(3, 2))), field(1, message(field(1, 'a'))));
  it.each([
    ['words', field(2, field(3, 3))],
    ['a type that nobody knows', field(2, field(3, 9))],
    ['spaces after words', field(2, field(24, 1))],
    ['plain spaces', field(3, field(5, 0))],
    ['rules for decoding', field(5, field(2, 'x'))],
    ['unused pieces', field(1, message(field(1, 'b'), field(3, 5)))],
    ['no unknown piece', field(2, field(40, 7))],
  ])('that asks for %s is sound but not supported', (_, more) => {
    expect(tokenizerFromSentencePiece(message(pieces, field(2, field(41, 1)))).encode('a')).toBeDefined();
    expect(() => tokenizerFromSentencePiece(message(pieces, more))).toThrow(
      expect.objectContaining({ name: 'TokenizerError', code: 'CONFIG' }),
    );
  });
});
