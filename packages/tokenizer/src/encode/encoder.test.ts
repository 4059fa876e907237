import { describe, expect, it } from 'vitest';
import { fixtureTokenizer, thrown, tiny } from '../../fixtures';
import { tokenizerFromJson } from '../from-json';

const llama = fixtureTokenizer('llama');
const byteLevel = fixtureTokenizer('gpt-neox');

describe('encode', () => {
  it('puts the special tokens of the file around a text, unless told not to', () => {
    expect(llama.encode('')).toEqual([1]);
    expect(llama.encode('', { addSpecialTokens: false })).toEqual([]);
    expect(llama.encode('x').slice(1)).toEqual(llama.encode('x', { addSpecialTokens: false }));
  });

  it('reads half a character as U+FFFD, wherever it stands', () => {
    for (const tokenizer of [llama, byteLevel])
      for (const text of ['\ud800', 'a\udc00b', '\ud83d 🙂', '🙂\ude42'])
        expect(tokenizer.encode(text)).toEqual(tokenizer.encode(text.replace(/\p{Surrogate}/gu, '\ufffd')));
    expect(byteLevel.decode(byteLevel.encode('a\ud800'))).toBe('a\ufffd');
  });

  it.each([null, undefined, 5, ['a'], new Uint8Array(1)])('refuses %j, which is no text', (text) => {
    expect(() => byteLevel.encode(text as never)).toThrow(expect.objectContaining({ name: 'TokenizerError', code: 'OPTION' }));
  });

  it('says what it wants', () => {
    expect(thrown(() => byteLevel.encode(5 as never))).toMatchInlineSnapshot(`
      "TokenizerError: encode: the text is no string.
        expected  a string
        got       5
        fix       pass one string; encode several texts one by one"
    `);
  });

  it('has the same ids the first time, the second time, and with a full cache', () => {
    const words = Array.from({ length: 40_000 }, (_, i) => `w${i}`).join(' ');
    const fresh = fixtureTokenizer('gpt-neox');
    const first = fresh.encode(words);
    expect(fresh.encode(words)).toEqual(first);
    expect(fresh.decode(first)).toBe(words);
  });

  it.each([
    ['a', 'a'],
    ['no space', 'thequickbrownfox'],
    ['spaces', ' '],
    ['Chinese', '日本語文'],
    ['emoji', '🙂'],
    ['special tokens', '<s>'],
    ['▁', '▁'],
  ])('takes a line of 100,000 characters (%s) as it takes many short ones', (_, unit) => {
    const line = unit.repeat(Math.ceil(100_000 / unit.length));
    for (const tokenizer of [llama, byteLevel]) expect(tokenizer.encode(line).length).toBeLessThanOrEqual(4 * line.length + 1);
    expect(byteLevel.decode(byteLevel.encode(line))).toBe(line);
    expect(llama.decode(llama.encode(line, { addSpecialTokens: false })).replaceAll('▁', ' ').length).toBe(line.length);
  });
});

describe('added tokens', () => {
  const flags = { normalized: false, special: false };
  const tokenizer = (...added: Record<string, unknown>[]) =>
    tokenizerFromJson(tiny(['a', 'b', ' ', '<', 'x', '>'], [], { added_tokens: added.map((one) => ({ ...flags, ...one })) }));

  it('are found in the text, the longest of those that begin at one place', () => {
    expect(tokenizer({ content: '<x' }, { content: '<x>' }).encode('a<x>b<x<')).toEqual([0, 7, 1, 6, 3]);
  });

  it('take spaces along where they say so', () => {
    expect(tokenizer({ content: '<x>', lstrip: true }).encode('a  <x> b')).toEqual([0, 6, 2, 1]);
    expect(tokenizer({ content: '<x>', rstrip: true }).encode('a <x>  b')).toEqual([0, 2, 6, 1]);
    expect(tokenizer({ content: '<x>', rstrip: true, lstrip: true }).encode(' <x>  <x>')).toEqual([6, 6]);
  });

  it('stand alone where they say so', () => {
    expect(tokenizer({ content: 'ab', single_word: true }).encode('ab bab <ab>')).toEqual([6, 2, 1, 0, 1, 2, 3, 6, 5]);
  });

  it('that are special can be read as text', () => {
    const special = tokenizer({ content: '<x>', special: true });
    expect(special.encode('<x>', { specialTokensAsText: true })).toEqual([3, 4, 5]);
    expect(special.encode('<x>')).toEqual([6]);
  });

  it('have the ids after the vocabulary, whatever ids stand in the file', () => {
    const one = tokenizer({ content: '<x>', id: 50 }, { content: 'b', id: 7 }, { content: '<y>', id: 3 });
    expect(['<x>', 'b', '<y>'].map(one.tokenToId)).toEqual([6, 1, 7]);
    expect(one.vocabSize).toBe(8);
  });
});
