import { expect, it } from 'vitest';
import { SsmError } from './errors';

it('says what, expected, got and how to fix', () => {
  const error = new SsmError({ code: 'FILE', what: 'read: the file ends early.', expected: '8 bytes', got: '3', fix: 'copy it again' });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: 'SsmError', code: 'FILE', expected: '8 bytes', got: '3', fix: 'copy it again' });
  expect(String(error)).toMatchInlineSnapshot(`
    "SsmError: read: the file ends early.
      expected  8 bytes
      got       3
      fix       copy it again"
  `);
});

it('keeps the cause', () => {
  const cause = new Error('EIO');
  expect(new SsmError({ code: 'FILE', what: '', expected: '', got: '', fix: '' }, { cause }).cause).toBe(cause);
});
