import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { thrown } from '../../fixtures';
import { JsonReader } from '../json';
import { BEHAVIORS, cut, matchesOf, readPattern } from './split';

describe('cut', () => {
  it.each([
    ['Removed', ['The', 'final', 'countdown']],
    ['Isolated', ['The', '-', 'final', '-', '-', 'countdown']],
    ['MergedWithPrevious', ['The-', 'final-', '-', 'countdown']],
    ['MergedWithNext', ['The', '-final', '-', '-countdown']],
    ['Contiguous', ['The', '-', 'final', '--', 'countdown']],
  ] as const)('treats matches as %s', (behavior, pieces) => {
    expect(cut('The-final--countdown', /-/gu, behavior)).toEqual(pieces); // the example of Hugging Face's documentation
  });

  it('loses nothing, except what is removed, and makes no empty piece', () => {
    const texts = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '-', '\n', '🙂'), maxLength: 30 });
    const patterns = fc.constantFrom(/-/gu, /\s+/gu, /a|b+/gu, /x*/gu, /[\s\S]/gu);
    fc.assert(
      fc.property(texts, patterns, fc.constantFrom(...BEHAVIORS), fc.boolean(), (text, pattern, behavior, invert) => {
        const pieces = cut(text, pattern, behavior, invert);
        expect(pieces).not.toContain('');
        if (behavior !== 'Removed') expect(pieces.join('')).toBe(text);
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});

it('says so where a match is longer than a regular expression can be', () => {
  const endless = /(?:日|本)+/gu; // fails sooner than a class of characters would
  for (const action of [() => cut('日'.repeat(2e7), endless, 'Isolated'), () => [...matchesOf('日'.repeat(2e7), endless)]])
    expect(action).toThrow(expect.objectContaining({ name: 'TokenizerError', code: 'OPTION' }));
});

describe('a pattern', () => {
  const pattern = (json: unknown) => readPattern(JsonReader.of('split', { pattern: json }));

  it('is a text as it stands, or a regular expression of Oniguruma', () => {
    expect([...matchesOf('a.b$', pattern({ String: '.' }))]).toEqual(['.']);
    expect([...matchesOf("IT'S 1234\u0085", pattern({ Regex: "(?i:'s)|\\p{N}{1,3}|\\s+" }))]).toEqual(["'S", ' ', '123', '4', '\u0085']);
  });

  it('that JavaScript cannot express is an error', () => {
    expect(thrown(() => pattern({ Regex: '(?<=a+b|(c)\\1' }))).toMatch(
      /^TokenizerError: split.pattern: the regular expression has no counterpart/,
    );
    expect(thrown(() => pattern({ Glob: '*' }))).toMatchInlineSnapshot(`
      "TokenizerError: split.pattern.Regex cannot be used.
        expected  a string
        got       nothing
        fix       get the file again, or correct it there"
    `);
  });
});
