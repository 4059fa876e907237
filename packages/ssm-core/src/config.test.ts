import { describe, expect, it } from 'vitest';
import { readConfig } from './config';

const read = (json: unknown) => readConfig('parseMambaConfig', json);

describe('ConfigReader', () => {
  it('reads values, defaults and the spelling that is there', () => {
    const config = read({
      hidden_size: 64,
      eps: 1e-5,
      tied: false,
      act: 'silu',
      limits: [0, Infinity],
      ssm_cfg: { d_state: 8 },
      none: null,
    });
    expect(config.integer('hidden_size')).toBe(64);
    expect(config.integer('layers', { fallback: 3 })).toBe(3);
    expect(config.integer('none', { fallback: undefined })).toBeUndefined();
    expect(config.number('eps', { min: 0 })).toBe(1e-5);
    expect(config.boolean('tied')).toBe(false);
    expect(config.oneOf('act', ['silu', 'gelu'])).toBe('silu');
    expect(config.numbers('limits', 2)).toEqual([0, Infinity]);
    expect(config.object('ssm_cfg')).toEqual({ d_state: 8 });
    expect(config.spelling('d_model', 'hidden_size')).toBe('hidden_size');
    config.refuseUnknown();
  });

  it.each<[string, (config: ReturnType<typeof read>) => unknown]>([
    ['a missing number', (config) => config.integer('hidden_size')],
    ['a fraction', (config) => config.integer('fraction')],
    ['a number below the least', (config) => config.integer('zero')],
    ['NaN', (config) => config.number('nan')],
    ['a string for a boolean', (config) => config.boolean('word')],
    ['an unknown choice', (config) => config.oneOf('word', ['silu'])],
    ['a list of another length', (config) => config.numbers('list', 2)],
    ['a number for an object', (config) => config.object('zero')],
    ['a value other than the only one', (config) => config.only('word', 'other', 'use another package')],
    ['sizes that do not divide', (config) => config.require(7 % 2 === 0, 'zero', 'a multiple of 2')],
    ['an unknown key', (config) => config.refuseUnknown(['zero', 'fraction', 'word', 'list'])],
  ])('refuses %s with one error that names the key', (_, use) => {
    const config = read({ fraction: 1.5, zero: 0, word: 'word', list: [1], nan: Number.NaN });
    expect(() => use(config)).toThrow(
      expect.objectContaining({ code: 'CONFIG', message: expect.stringMatching(/^parseMambaConfig: `\w+` cannot be used\./) }),
    );
  });

  it('shows the value and what would do', () => {
    expect(() => read({ num_heads: 2.5 }).integer('num_heads', { max: 64 })).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: parseMambaConfig: \`num_heads\` cannot be used.
        expected  an integer from 1 to 64
        got       2.5
        fix       correct the value in config.json]
    `);
  });

  it.each([[null], [[]], ['{}'], [3]])('refuses %j as a config', (json) => {
    expect(() => read(json)).toThrow(/the config is not an object/);
  });
});
