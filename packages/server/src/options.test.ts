import { describe, expect, it } from 'vitest';
import { createHandler } from './handler';
import { checkedOptions, type ServerOptions } from './options';

const neverLoaded = new Promise<never>(() => undefined);

describe('options', () => {
  const wrong = [
    ...[{ timeoutMs: 0 }, { timeoutMs: Number.NaN }, { timeoutMs: '5' }, { pingMs: -1 }, { cacheBytes: -1 }, { maxBodyBytes: null }],
    ...[
      { slots: 0 },
      { slots: 1.5 },
      { slots: Infinity },
      { maxWaiting: 0 },
      { maxTokens: Infinity },
      { maxTexts: 0 },
      { maxPromptTokens: -5 },
    ],
  ] as ServerOptions[];
  it.each(wrong)('without meaning are refused before a model is there: %o', (options) => {
    expect(() => createHandler(neverLoaded, options)).toThrow(expect.objectContaining({ code: 'OPTION' }));
  });

  it('are told with what was expected', () => {
    expect(() => checkedOptions({ timeoutMs: -1 })).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: createHandler: \`timeoutMs\` cannot be used so.
        expected  a number from 1, or Infinity for no limit
        got       -1
        fix       correct it, or leave it out for 600000]
    `);
    expect(() => checkedOptions({ slots: 2.5 })).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: createHandler: \`slots\` cannot be used so.
        expected  an integer from 1
        got       2.5
        fix       correct it, or leave it out for 8]
    `);
  });

  it('may have no limit where none is needed', () => {
    const open = { timeoutMs: Infinity, pingMs: Infinity, cacheBytes: Infinity, maxBodyBytes: Infinity };
    expect(checkedOptions(open)).toMatchObject(open);
    expect(checkedOptions({ timeoutMs: undefined }).timeoutMs).toBe(600_000);
  });
});
