import { SsmError } from '@densessm/ssm-core';
import { describe, expect, it } from 'vitest';
import { describeError } from './errors';
import { EXIT, Interrupted } from './io';
import { run } from './test-support/fake-io';

describe('the command', () => {
  it('tells its version and how it is used, on stdout', async () => {
    expect(await run(['--version'])).toMatchObject({ code: EXIT.fine, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    const help = await run(['--help']);
    expect(help).toMatchObject({ code: EXIT.fine, stderr: '' });
    expect(help.stdout).toContain('Usage: densessm');
  });

  it('ends with 2 and a hint on stderr where it is used wrongly', async () => {
    for (const argv of [['tarin'], ['--nonsense']]) expect(await run(argv)).toMatchObject({ code: EXIT.usage, stdout: '' });
  });
});

describe('an error', () => {
  const problem = { what: 'x: bad.', expected: 'a', got: 'b', fix: 'c' };

  it('is told without a stack, and a wrong option is wrong usage', () => {
    expect(describeError(new SsmError({ code: 'FILE', ...problem }), false)).toEqual({
      code: EXIT.failure,
      text: 'densessm: x: bad.\n  expected  a\n  got       b\n  fix       c',
    });
    expect(describeError(new SsmError({ code: 'OPTION', ...problem }), false).code).toBe(EXIT.usage);
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    expect(describeError(full, false).text).toBe('densessm: ENOSPC: no space left on device, write');
  });

  it('is JSON for a machine', () => {
    const { text } = describeError(new SsmError({ code: 'FILE', ...problem }), true);
    expect(JSON.parse(text)).toEqual({ error: { code: 'FILE', message: 'x: bad.', expected: 'a', got: 'b', fix: 'c' } });
  });

  it('shows where it came from where nobody foresaw it, and nothing but its words where the user broke off', () => {
    expect(describeError(new TypeError('oops'), false).text).toMatch(/report it\.\nTypeError: oops\n {4}at /);
    expect(describeError(new Interrupted('saved'), false).text).toBe('saved');
  });
});
