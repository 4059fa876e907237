import { expect, it } from 'vitest';
import { shown, TokenizerError } from './errors';

it('has its own name and the fields of the SsmError of the other packages', () => {
  const cause = new Error('EIO');
  const problem = { code: 'FILE', what: 'read: the file ends early.', expected: '8 bytes', got: '3', fix: 'copy it again' } as const;
  const error = new TokenizerError(problem, { cause });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: 'TokenizerError', code: 'FILE', expected: '8 bytes', got: '3', fix: 'copy it again', cause });
  expect(String(error)).toMatchInlineSnapshot(`
    "TokenizerError: read: the file ends early.
      expected  8 bytes
      got       3
      fix       copy it again"
  `);
});

it('shows strange values in a few words', () => {
  expect([undefined, null, 'a\n', Number.NaN, { a: 1 }, [1], Symbol('s'), 'x'.repeat(100)].map(shown)).toMatchInlineSnapshot(`
    [
      "nothing",
      "null",
      ""a\\n"",
      "NaN",
      "{"a":1}",
      "[1]",
      "Symbol(s)",
      ""xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...",
    ]
  `);
});
