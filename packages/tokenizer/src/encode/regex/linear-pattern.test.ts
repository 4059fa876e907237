import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileRegex, LinearPattern } from './linear-pattern';
import { isLinearNatively } from './native-time';
import { parseRegex } from './parse';

const GPT4 =
  "(?:'[sS]|'[tT]|'[rR][eE])|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\p{White_Space}\\p{L}\\p{N}]+[\\r\\n]*|\\p{White_Space}*[\\r\\n]+|\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+";
const LOWER = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]';
const UPPER = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]';
const O200K = `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+(?:'[sS]|'[tT])?|[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*(?:'[sS]|'[tT])?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
const PATTERNS = [
  GPT4,
  O200K,
  '(a+)+$',
  '(a|ab)(c|bcd)*',
  'a*?b|[ab]{2,3}',
  '(?:a|b)*?c',
  '(?<!a)b+(?=a)|^a',
  '(?=(a|b)*c)[ab]',
  '(?:)',
  '(a*)*b?',
  '[^ab]|a{2}|.',
  '\\u{1F642}+|\\ud800?x',
];

function linear(source: string): LinearPattern {
  const tree = parseRegex(source);
  const program = tree && compileRegex(tree);
  if (!program) throw new Error(`${source} was not read`);
  return new LinearPattern(program);
}
const spans = (matches: Iterable<{ 0: string; index?: number }>) => Array.from(matches, (one) => [one.index, one[0]]);

describe('a linear pattern', () => {
  it.each(PATTERNS)('has the matches of the RegExp %s', (source) => {
    const pattern = linear(source);
    const unit = fc.constantFrom('a', 'b', 'c', 'd', ' ', '\n', "'s", 'A', '1', '🙂', 'é', 'x');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 14 }), (text) => {
        expect(spans(pattern.matchAll(text))).toEqual(spans(text.matchAll(new RegExp(source, 'gu'))));
      }),
      { seed: 7, numRuns: 150 },
    );
  });

  it.each(['(a+)+$', '(a|a)*b', '(?=(?:a|b)*c)[ab]|b', 'a+$|a', '(?:a?){30}a{30}', 'a*a*a*a*a*b'])(
    'takes no time for ever: %s',
    (source) => {
      const text = `${'a'.repeat(20_000)}!`;
      expect(spans(linear(source).matchAll(text)).length).toBeGreaterThanOrEqual(0);
    },
  );

  it('is not made of what it cannot read', () => {
    for (const source of ['(a)\\1', '(?<x>a)\\k<x>']) expect(parseRegex(source)).toBeNull();
    for (const source of ['(?<=ab)c', 'a{5000}']) expect(compileRegex(parseRegex(source) as never)).toBeNull();
  });
});

describe('time of the native engine', () => {
  const isLinear = (source: string) => isLinearNatively(parseRegex(source) as never);

  it('is linear for the patterns of published tokenizers', () => {
    for (const source of [GPT4, O200K, '[一-龥぀-ゟ゠-ヿ]+', ' {2,}', '\\p{N}{1,3}', 'a+|b', '[^\\r\\n]+|\\n'])
      expect([source, isLinear(source)]).toEqual([source, true]);
  });

  it('is not for those that backtrack', () => {
    for (const source of ['(a+)+$', 'a+$', '(a|a)*b', 'a*a*b|a', '(?:a?){30}a{30}', '[ ]+$', 'a+$|a|a+', '\\s+(?!\\S)'])
      expect([source, isLinear(source)]).toEqual([source, false]);
  });
});
