import { expect, it } from 'vitest';
import { JsonReader } from '../../json';
import { cut, readPattern } from '../split';
import { markAtomic } from './atomic';

const pattern = (source: string) => readPattern(new JsonReader('tokenizer.json.pre_tokenizer', { pattern: { Regex: source } }));

// What Split of Hugging Face's tokenizers 0.23 makes of each, behavior Isolated.
it.each([
  ['a++b', 'aaab aab b', ['aaab', ' ', 'aab', ' b']],
  ['a++ab', 'aaab', ['aaab']],
  ['(?>a+)ab', 'aaab', ['aaab']],
  ['(?>a|ab)c', 'abc ac', ['abc ', 'ac']],
  ['(?>a++|b)c', 'aacbc', ['aac', 'bc']],
  ['a*+a', 'aaa', ['aaa']],
  ['a?+a', 'aa a', ['aa', ' a']],
  ['(?:ab)++ab', 'ababab', ['ababab']],
  ['(?i:A)++a', 'aAa', ['aAa']],
  ['x*+', 'axxb', ['a', 'xx', 'b']],
  ['\\d++(?!\\.)', '12. 34', ['12. ', '34']],
  ['[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+', ' ab,cd', [' ab', ',cd']],
  ['\\p{L}++|\\s++(?=\\S)|\\s+', 'ab   cd  ', ['ab', '   ', 'cd', '  ']],
  ['a{2}+', 'aaaaa', ['aaaa', 'a']],
  ['a{2}?a', 'aaaaa', ['aaa', 'a', 'a']],
  ['a{,2}+b', 'aaab', ['aaab']],
  ['a{2,}+a', 'aaaaa', ['aaaaa']],
])('%s cuts as Oniguruma does', (source, text, pieces) => {
  expect(cut(text, pattern(source), 'Isolated')).toEqual(pieces);
});

it('leaves pluses that are characters', () => {
  for (const source of ['[a++]b', '\\++', '[[a]++]', 'a|+', '[]++]x', '(?<n>a)+?b']) expect(markAtomic(source)).toBe(source);
});

it('is native where giving nothing back changes no match, and linear in the text elsewhere', () => {
  const published = "'(?i:[sdmt]|ll)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s+(?!\\S)|\\s+";
  expect(pattern(published)).toBeInstanceOf(RegExp);
  expect(cut(`${'a'.repeat(50_000)}!`, pattern('(?>a+)b|(?>(a|b)+)c|a'), 'Isolated')).toHaveLength(50_001);
});

it('refuses what Oniguruma and the translation read differently', () => {
  for (const source of ['a+?+b', 'a**b', 'a{1,2}?+b']) expect(() => pattern(source)).toThrow(expect.objectContaining({ code: 'CONFIG' }));
});
