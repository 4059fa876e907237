import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordLine } from '@densessm/train';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EXIT } from '../../io';
import { evaluation, steps } from '../../report/test-support';
import { run } from '../../test-support/fake-io';

let cwd = '';
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'densessm-report-'));
  for (const name of ['a', 'b']) {
    await mkdir(join(cwd, name));
    await writeFile(join(cwd, name, 'log.jsonl'), [...steps(4), evaluation(4, 1.25)].map(recordLine).join(''));
  }
});
afterEach(() => rm(cwd, { recursive: true }));

it('writes one file about several runs, and does not replace one unasked', async () => {
  const done = await run(['report', 'a', 'b', '--output', 'both.html'], { cwd });
  expect(done).toMatchObject({ code: EXIT.fine, stderr: '' });
  expect(done.stdout).toMatch(/^a\nloss .*training\n(?:.|\n)*\nb\n(?:.|\n)*report {3}both\.html\n$/);
  expect(await readFile(join(cwd, 'both.html'), 'utf8')).toContain('<title>a · b</title>');
  expect(await run(['report', 'a', 'b', '--output', 'both.html'], { cwd })).toMatchObject({ code: EXIT.usage, stdout: '' });
  expect(await run(['report', 'a', 'b', '--output', 'both.html', '--overwrite'], { cwd })).toMatchObject({ code: EXIT.fine });
});

it('writes the report of one run anew, in its folder', async () => {
  await writeFile(join(cwd, 'a', 'report.html'), 'old');
  const { stdout } = await run(['report', 'a', '--json'], { cwd });
  expect(JSON.parse(stdout)).toMatchObject({
    report: join(cwd, 'a', 'report.html'),
    runs: [{ name: 'a', steps: 4, best: { loss: 1.25 } }],
  });
  expect(await readFile(join(cwd, 'a', 'report.html'), 'utf8')).toContain('<title>a</title>');
});

it('does not replace the report of a folder that only holds runs', async () => {
  await writeFile(join(cwd, 'report.html'), 'mine');
  expect(await run(['report', '.'], { cwd })).toMatchObject({ code: EXIT.usage, stderr: expect.stringContaining('report.html exists') });
  expect(await readFile(join(cwd, 'report.html'), 'utf8')).toBe('mine');
});

it('says so where there is no run', async () => {
  expect(await run(['report', 'nowhere'], { cwd })).toMatchObject({
    code: EXIT.usage,
    stderr: expect.stringContaining('densessm runs lists'),
  });
});
