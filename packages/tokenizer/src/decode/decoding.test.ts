import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixtureTokenizer, type TokenizerContent, thrown, tiny } from '../../fixtures';
import { tokenizerFromJson } from '../from-json';
import type { Tokenizer } from '../tokenizer';

const NAMES = ['gpt-neox', 'gpt-4', 'llama', 'unigram'];
const llama = fixtureTokenizer('llama');
const byteLevel = fixtureTokenizer('gpt-neox');

/** Ids and where to cut them. */
const cutIds = (tokenizer: Tokenizer) =>
  fc.array(fc.tuple(fc.nat(tokenizer.vocabSize - 1), fc.boolean()), { maxLength: 40 }).map((pairs) => {
    const pieces: number[][] = [[]];
    for (const [id, cuts] of pairs) {
      if (cuts) pieces.push([]);
      pieces.at(-1)?.push(id);
    }
    return pieces;
  });

describe.each(NAMES)('decoding bit by bit (%s)', (name) => {
  const tokenizer = fixtureTokenizer(name);

  it('gives the text of decoding at once, for any ids however they are cut', () => {
    fc.assert(
      fc.property(cutIds(tokenizer), fc.boolean(), (pieces, skipSpecialTokens) => {
        const stream = tokenizer.decodeStream({ skipSpecialTokens });
        const text = pieces.map((piece) => stream.push(piece)).join('') + stream.end();
        expect(text).toBe(tokenizer.decode(pieces.flat(), { skipSpecialTokens }));
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('never gives half a character', () => {
    const texts = fc.string({ unit: 'grapheme', maxLength: 40 });
    fc.assert(
      fc.property(texts, fc.boolean(), (text, eager) => {
        const stream = tokenizer.decodeStream({ eager });
        const ids = tokenizer.encode(text, { addSpecialTokens: false });
        const pieces = [...ids.map((id) => stream.push(id)), stream.end()];
        expect(pieces.filter((piece) => /\p{Surrogate}/u.test(piece))).toEqual([]);
        expect(pieces.join('')).toBe(tokenizer.decode(ids));
        if (!tokenizer.decode(ids).includes('\ufffd')) expect(pieces.join('')).not.toContain('\ufffd');
      }),
      { numRuns: 200, seed: 1 },
    );
  });
});

describe('a byte-level tokenizer', () => {
  it.each(['gpt-4', 'trained here'])('gives every text back (%s)', (name) => {
    const tokenizer = name === 'gpt-4' ? fixtureTokenizer(name) : byteLevel;
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const ids = tokenizer.encode(text, { specialTokensAsText: true });
        expect(tokenizer.decode(ids)).toBe(name === 'gpt-4' ? text : text.normalize('NFC'));
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it('waits for the rest of a character', () => {
    const ids = byteLevel.encode('🙂!');
    const stream = byteLevel.decodeStream();
    const pieces = ids.map((id) => stream.push(id));
    expect(ids.length).toBeGreaterThan(2);
    expect(pieces.filter((piece) => piece !== '')).toEqual(['🙂', '!']);
    expect(stream.end()).toBe('');
  });

  it('gives what never becomes a character at the end, and begins anew', () => {
    const [first = 0] = byteLevel.encode('🙂');
    const stream = byteLevel.decodeStream();
    expect([stream.push(first), stream.end(), stream.push(byteLevel.encode('a')), stream.end()]).toEqual(['', '\ufffd', 'a', '']);
  });
});

describe('byte tokens as LLaMA has them', () => {
  const ids = ['▁a', '<0xE4>', '<0xB8>', '<0xAD>', '<0xE4>', '▁a'].map((token) => llama.tokenToId(token) ?? -1);

  it('are text only where the whole run is: a stream waits for its end', () => {
    const stream = llama.decodeStream();
    expect(ids.slice(0, 4).map((id) => stream.push(id))).toEqual(['a', '', '', '']);
    expect(stream.push(ids.slice(5))).toBe('中 a');
    expect(llama.decode(ids)).toBe('a\ufffd\ufffd\ufffd\ufffd a');
  });

  it('are text as soon as a character is complete for a stream that is eager', () => {
    const stream = llama.decodeStream({ eager: true });
    expect(ids.map((id) => stream.push(id))).toEqual(['a', '', '', '中', '', '\ufffd a']);
  });

  it('lose the space in front of the text, and no other', () => {
    const stream = llama.decodeStream();
    const space = llama.tokenToId('▁') ?? -1;
    expect([stream.push(space), stream.push(space), stream.push(ids[0] ?? -1), stream.end()]).toEqual(['', ' ', ' a', '']);
  });
});

describe('ids outside the vocabulary', () => {
  it.each([-1, 0.5, Number.NaN, 1e9, '3', null, 3n])('are an error (%s)', (id) => {
    for (const decode of [byteLevel.decode, (list: number[]) => byteLevel.decodeStream().push(list)])
      expect(() => decode([0, id as number])).toThrow(expect.objectContaining({ name: 'TokenizerError', code: 'TOKENS' }));
  });

  it('say what was expected', () => {
    expect(thrown(() => byteLevel.decode([byteLevel.vocabSize]))).toMatchInlineSnapshot(`
      "TokenizerError: decode: an id is not in the vocabulary.
        expected  an integer from 0 to 407 that has a token
        got       408
        fix       check that model and tokenizer belong together; a model with more rows than tokens decodes with \`unknownIds: 'skip'\`"
    `);
    expect(thrown(() => byteLevel.decode('12' as never))).toMatchInlineSnapshot(`
      "TokenizerError: decode: the ids are no list.
        expected  an id, or a list of ids
        got       "12"
        fix       pass an array or a typed array of ids"
    `);
  });

  it('stand for no text where that is wanted, for models with more rows than tokens', () => {
    expect(byteLevel.decode([...byteLevel.encode('a'), 1e6], { unknownIds: 'skip' })).toBe('a');
    expect(() => byteLevel.decode([-1], { unknownIds: 'skip' })).toThrow(expect.objectContaining({ code: 'TOKENS' }));
  });
});

describe('a decoder', () => {
  const decode = (decoder: TokenizerContent | null, tokens: string[]): string => {
    const tokenizer = tokenizerFromJson(tiny([...new Set(tokens)], [], { decoder }));
    const ids = tokens.map((token) => tokenizer.tokenToId(token) ?? -1);
    const stream = tokenizer.decodeStream();
    expect(ids.map((id) => stream.push(id)).join('') + stream.end()).toBe(tokenizer.decode(ids));
    return tokenizer.decode(ids);
  };
  const sequence = (...decoders: TokenizerContent[]) => ({ type: 'Sequence', decoders });

  // The texts are those of Hugging Face's tokenizers for the same tokens.
  it.each([
    ['none: spaces between tokens', null, ['a', 'b', 'c'], 'a b c'],
    ['Fuse', { type: 'Fuse' }, ['a', 'b'], 'ab'],
    ['WordPiece', { type: 'WordPiece', prefix: '##', cleanup: true }, ['I', 'am', '##n', "'", '.'], "I amn '."],
    ['BPEDecoder', { type: 'BPEDecoder', suffix: '</w>' }, ['a', 'b</w>', 'c</w>'], 'ab c'],
    ['CTC', { type: 'CTC', pad_token: '-', word_delimiter_token: '|', cleanup: true }, ['a', 'a', '-', 'a', '|', 'b'], 'aa b'],
    ['Metaspace', { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' }, ['▁a', '▁b'], 'a b'],
    ['Metaspace without a prefix', { type: 'Metaspace', replacement: '▁', prepend_scheme: 'never' }, ['▁a', '▁b'], ' a b'],
    ['Strip of each token', { type: 'Strip', content: 'x', start: 1, stop: 2 }, ['xxa', 'bxxx', 'xxx'], 'xabx'],
    [
      'Strip of all',
      sequence({ type: 'Fuse' }, { type: 'Strip', content: 'x', start: 2, stop: 2 }),
      ['x', 'xx', 'a', 'x', 'xb', 'x', 'xx'],
      'xaxxbx',
    ],
    ['Replace of all', sequence({ type: 'Fuse' }, { type: 'Replace', pattern: { String: 'ab' }, content: '$&' }), ['a', 'b', 'ab'], '$&$&'],
    ['bytes of all', sequence({ type: 'Fuse' }, { type: 'ByteFallback' }), ['<0x', '41>'], 'A'],
  ] as const)('%s', (_, decoder, tokens, text) => {
    expect(decode(decoder, [...tokens])).toBe(text);
  });
});
