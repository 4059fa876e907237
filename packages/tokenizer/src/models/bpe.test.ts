import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixtureLines, tiny } from '../../fixtures';
import { JsonReader } from '../json';
import { readBpe } from './bpe';

const llama = readBpe(JsonReader.of('model', fixtureLines<{ model: unknown }>('llama')[0]?.model));
const model = (tokens: string[], merges: string[], choices: Record<string, unknown> = {}) =>
  readBpe(JsonReader.of('model', { ...(tiny(tokens, merges).model as object), ...choices }));

const encoded = ({ encode }: { encode(piece: string, ids: number[]): void }, piece: string): number[] => {
  const ids: number[] = [];
  encode(piece, ids);
  return ids;
};

describe('cutting where no token reaches across', () => {
  it('leaves the ids as they are', () => {
    const units = fc.oneof(
      fc.constantFrom('▁', '▁the', '▁import', 'tion', '\n', '{', 'é', '日', '🙂', 'a'),
      fc.string({ unit: 'grapheme' }),
    );
    fc.assert(
      fc.property(fc.array(units, { minLength: 5, maxLength: 60 }), (parts) => {
        const text = parts.join('');
        const cut = llama.cut?.(text) ?? [];
        expect(cut.join('')).toBe(text);
        expect(cut.flatMap((part) => encoded(llama, part))).toEqual(encoded(llama, text));
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('makes words out of a text, and many parts out of a line without spaces', () => {
    const words = model(['▁', 'a', 'b', '▁a', 'ab', '▁▁', '<unk>'], ['▁ a', 'a b', '▁ ▁'], { unk_token: '<unk>' });
    expect(words.cut?.('▁ab▁a\n▁b🙂▁▁▁x')).toEqual(['▁ab', '▁a', '\n', '▁', 'b', '🙂', '▁▁▁', 'x']);
  });

  it('is left out where it would change the ids', () => {
    const tokens = ['a', 'b', 'ab', '<unk>'];
    expect(model(tokens, ['a b'], { unk_token: '<unk>' }).cut?.('ab?a')).toEqual(['ab', '?', 'a']);
    expect(model(tokens, ['a b']).cut, 'dropped characters let their neighbors meet').toBeNull();
    expect(encoded(model(tokens, ['a b']), 'a?b')).toEqual([2]);
    expect(model(tokens, ['a b'], { unk_token: '<unk>', fuse_unk: true }).cut, 'unknown characters fuse').toBeNull();
    expect(model(tokens, ['a b'], { unk_token: '<unk>', ignore_merges: true }).cut, 'whole pieces count').toBeNull();
    expect(model(tokens, ['a b'], { unk_token: '<unk>', end_of_word_suffix: 'b' }).cut, 'the last character is special').toBeNull();
    expect(model([...tokens, '<unk>a'], ['<unk> a'], { unk_token: '<unk>' }).cut, 'unknown characters merge').toBeNull();
  });
});

describe('unknown characters', () => {
  it('are one unknown token each, or one together', () => {
    const tokens = ['<unk>', 'a'];
    expect(encoded(model(tokens, [], { unk_token: '<unk>' }), '?!a?')).toEqual([0, 0, 1, 0]);
    expect(encoded(model(tokens, [], { unk_token: '<unk>', fuse_unk: true }), '?!a?')).toEqual([0, 1, 0]);
  });

  it('are dropped, as the reference has it, where there is no token for them', () => {
    expect(encoded(model(['a', 'b', 'ab'], ['a b']), 'é')).toEqual([]);
  });

  it('are an error in a plain list of characters, which has no merges', () => {
    expect(() => encoded(model(['a'], []), 'aé')).toThrowErrorMatchingInlineSnapshot(`
      [TokenizerError: encode: the character "é" is not in the vocabulary, which has no token for unknown ones.
        expected  characters of the vocabulary
        got       "é"
        fix       make the tokenizer from text that has all characters, or give it a token for unknown ones]
    `);
    expect(() => encoded(model(['a'], [], { unk_token: '<unk>' }), 'é')).toThrowErrorMatchingInlineSnapshot(`
      [TokenizerError: encode: the character "é" is not in the vocabulary, which has no token <unk>.
        expected  characters of the vocabulary
        got       "é"
        fix       make the tokenizer from text that has all characters, or give it a token for unknown ones]
    `);
  });
});

it('frees the memory of a long piece', () => {
  const text = 'ab'.repeat(100_000);
  expect(encoded(llama, text).length).toBeGreaterThan(0);
  expect(encoded(llama, 'ab')).toEqual(encoded(llama, 'ab'));
});
