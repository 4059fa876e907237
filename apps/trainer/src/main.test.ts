import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SsmError } from '@densessm/ssm-core';
import { describe, expect, it } from 'vitest';
import { describeError } from './errors';
import { EXIT, Interrupted } from './io';
import { alignTable } from './output/table';
import { run } from './test-support/fake-io';

describe('the command', () => {
  it('tells its version and how it is used, on stdout', async () => {
    expect(await run(['--version'])).toMatchObject({ code: EXIT.fine, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    const help = await run(['--help']);
    expect(help).toMatchObject({ code: EXIT.fine, stderr: '' });
    expect(help.stdout).toContain('Usage: densessm');
  });

  it('ends with 2 and a hint on stderr where it is used wrongly', async () => {
    for (const argv of [['tarin'], ['--nonsense'], ['train', '--nonsense', '1']])
      expect(await run(argv)).toMatchObject({ code: EXIT.usage, stdout: '' });
  });
});

describe('flags', () => {
  it('may be written with underscores, and their values may not change', async () => {
    expect((await run(['train', '--max_steps=0'])).stderr).toContain("'--max-steps <n>' argument '0' is invalid");
    expect((await run(['generate', 'none', '--prompt', '--not_a_flag', '--max_tokens', '1'])).stderr).toContain('there is no model');
    expect((await run(['-v'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [['train', '--lr', '1'], '--learning-rate'],
    [['train', '--epochs=3'], '--max-steps'],
    [['train', '--n_layer', '2'], '--num-hidden-layers'],
    [['train', '--learning-rte', '1'], '--learning-rate'],
    [['generate', 'x', '--max_new_tokens', '2'], '--max-tokens'],
    [['eval', 'x', '--max-length', '2'], '--window'],
  ])('%j are told the right name', async (argv, meant) => {
    expect(await run(argv)).toMatchObject({ code: EXIT.usage, stderr: expect.stringContaining(`did you mean ${meant}?`) });
  });
});

describe('colors', () => {
  const ESCAPE = '\u001b[';
  it('are there on a terminal, unless NO_COLOR says otherwise', async () => {
    for (const argv of [['--help'], ['train', '--lr']]) {
      const shown = async (options: object) => Object.values(await run(argv, options)).join('');
      expect(await shown({ isTTY: true })).toContain(ESCAPE);
      expect(await shown({ isTTY: true, env: { NO_COLOR: '1' } })).not.toContain(ESCAPE);
      expect(await shown({})).not.toContain(ESCAPE);
    }
  });
});

describe('a table', () => {
  it('is as wide as the terminal at most, its numbers whole', () => {
    const rows = [
      ['name', 'n', 'where'],
      ['x'.repeat(30), '123456', 'y'.repeat(60)],
    ];
    const lines = alignTable(rows, { right: [1], width: 50 });
    for (const line of lines) expect([...line].length).toBeLessThanOrEqual(50);
    expect(lines[2]).toMatch(/^x+…? +123456 +y+…$/);
    expect(alignTable(rows, { right: [1] })[2]).toBe(`${'x'.repeat(30)}  123456  ${'y'.repeat(60)}`);
  });
});

describe('shell completion', () => {
  const complete = async (...words: string[]) => {
    const { stdout } = await run(['completion', 'bash']);
    const list = `COMP_WORDS=(densessm ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}`;
    return execFileSync('bash', ['-c', `${stdout}\n${list}; _densessm; echo "\${COMPREPLY[*]}"`], { encoding: 'utf8' }).trim();
  };

  it('knows commands, flags and the values of flags in bash', async () => {
    expect(await complete('tra')).toBe('train');
    expect(await complete('train', '--learn')).toBe('--learning-rate');
    expect(await complete('eval', 'out', '--device', 'wa')).toBe('wasm');
  });

  it('lists every command and flag for zsh and fish', async () => {
    const { stdout: zsh } = await run(['completion', 'zsh']);
    expect(zsh).toContain("'--learning-rate:the highest learning rate");
    expect(zsh).toContain("'convert --dtype') compadd -- f32 f16");
    expect(zsh).toMatch(/then _densessm "\$@"; else compdef _densessm densessm; fi\n$/); // zsh takes the first call of a file in $fpath for the function
    expect((await run(['completion', 'fish'])).stdout).toContain("-n '__fish_seen_subcommand_from train' -l learning-rate -r -d");
    expect(await run(['completion', 'tcsh'])).toMatchObject({ code: EXIT.usage });
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

  it('advises in words of the command, not of functions', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'densessm-advice-'));
    await writeFile(join(folder, 'config.json'), '{"model_type": "unheard_of"}');
    for (const argv of [
      ['inspect', folder],
      ['inspect', folder, '--json'],
    ]) {
      const { stderr } = await run(argv);
      expect(stderr).toContain('check model_type in config.json');
      expect(stderr).not.toContain('registerModel');
    }
    await rm(folder, { recursive: true });
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
