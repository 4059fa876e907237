import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../io';
import { run } from '../../test-support/fake-io';
import { COMMAND, spawnCommand } from '../../test-support/process';

let cwd: string;
const self = [process.execPath, ...COMMAND];
const SIZES = '--model mamba --hidden-size 8 --num-hidden-layers 1 --state-size 4 --block-size 12'.split(' ');
const PACE = '--eval-interval 15 --eval-iters 3 --sample-interval 0 --cache-dir cache --data text.txt'.split(' ');
const GRID = ['--learning-rate', '1e-3,0.01', '--seed', '1,2'];
const sweep = (...argv: string[]): string[] => [
  'sweep',
  ...SIZES,
  ...PACE,
  ...['--max-steps', '60', '--batch-size', '2'].filter((_, i, all) => !argv.includes(all[i - (i % 2)] ?? '')),
  ...argv,
];
const RUNS = ['learning-rate=0.01_seed=1', 'learning-rate=0.01_seed=2', 'learning-rate=1e-3_seed=1', 'learning-rate=1e-3_seed=2'];

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'densessm-sweep-'));
  const random = mulberry32(3);
  const words = ['the', 'cat', 'sat', 'on', 'a', 'mat', 'and', 'saw\n'];
  await writeFile(join(cwd, 'text.txt'), Array.from({ length: 800 }, () => words[Math.floor(8 * random())]).join(' '));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

/** What the runs of a sweep noted, without the times. */
const logsOf = (name: string): Promise<unknown[]> =>
  Promise.all(
    RUNS.map(async (one) => {
      const text = await readFile(join(cwd, 'out', name, one, 'log.jsonl'), 'utf8');
      return text
        .trimEnd()
        .split('\n')
        .map((line) => ({ ...JSON.parse(line), wallTime: 0, seconds: 0 }));
    }),
  );

const foldersOf = async (name: string): Promise<string[]> =>
  (await readdir(join(cwd, 'out', name), { withFileTypes: true }))
    .filter((one) => one.isDirectory())
    .map((one) => one.name)
    .sort();

describe('densessm sweep', () => {
  it('trains every combination, tells mean and spread over seeds, and has nothing left to do the second time', async () => {
    const { code, stdout, stderr } = await run(sweep(...GRID, '--name', 'whole'), { cwd, self });
    expect([code, stderr]).toEqual([EXIT.fine, expect.stringContaining('4 runs, 0 of them done')]);
    expect(await foldersOf('whole')).toEqual(RUNS);
    expect(stdout).toMatch(
      /^learning-rate +mean loss +spread +best +runs\n─.*\n0\.01 +\d\.\d{3} +\d\.\d{3} +\d\.\d{3} \(seed [12]\) +2\n0\.001 +\d/,
    );
    expect(await readFile(join(cwd, 'out', 'whole', 'report.html'), 'utf8')).toContain('Loss over learningRate');
    const again = await run(['sweep', '--out-dir', 'out/whole', '--json'], { cwd, self });
    expect([again.code, again.stderr]).toEqual([EXIT.fine, '']);
    expect(JSON.parse(again.stdout)).toMatchObject({
      type: 'result',
      settings: [{ settings: { learningRate: '0.01' }, runs: 2 }, { runs: 2 }],
    });
    const report = await run(['report', 'out/whole'], { cwd });
    expect(report.stdout).toBe(stdout);
  });

  it('resumes after SIGKILL and after Ctrl-C where it was, to the bit', async () => {
    const argv = sweep(...GRID, '--name', 'killed', '--jobs', '2', '--threads', '1');
    const killed = await spawnCommand(argv, { cwd, kill: { when: /step 15\/60/, signal: 'SIGKILL' } });
    expect(killed.code).toBeNull();
    const broken = await spawnCommand(argv, { cwd, kill: { when: /step (30|45)\/60/, signal: 'SIGINT' } });
    expect([broken.code, broken.stderr]).toEqual([EXIT.interrupted, expect.stringContaining('densessm sweep --out-dir out/killed')]);
    expect(broken.stderr).toContain('goes on');
    expect(await run(argv, { cwd, self })).toMatchObject({ code: EXIT.fine });
    expect(await logsOf('killed')).toEqual(await logsOf('whole'));
  });

  it('goes on where a run fails, says why, and exits with 1', async () => {
    const { code, stdout, stderr } = await run(sweep('--batch-size', '2,100000000', '--max-steps', '2', '--name', 'failing', '--json'), {
      cwd,
      self,
    });
    expect(code).toBe(EXIT.failure);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.filter(({ type }) => type === 'run').sort((a, b) => a.name.length - b.name.length)).toMatchObject([
      { name: 'batch-size=2', state: 'finished', best: { step: 2 } },
      { name: 'batch-size=100000000', state: 'failed', errors: expect.stringContaining('fix') },
    ]);
    expect([lines.at(-1).type, stderr]).toEqual(['result', '']);
  });

  it.each([
    [['--name', 'whole', '--max-steps', '61', ...GRID], '--max-steps cannot change while a sweep goes on'],
    [['--seed', '1'], 'There is nothing to vary'],
    [['--seed', '1,2', '--jobs', 'many'], '--jobs cannot be used'],
  ])('refuses %j', async (argv, told) => {
    expect(await run(sweep(...argv), { cwd, self })).toMatchObject({ code: EXIT.usage, stdout: '', stderr: expect.stringContaining(told) });
  });
});

it('densessm runs sorts and filters, with a column for the settings named', async () => {
  const { stdout } = await run(['runs', 'out/whole', '--sort', 'loss', '--filter', 'seed=1', '--filter', 'learning-rate>1e-4'], { cwd });
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));
  expect(rows[0]).toEqual(['run', 'model', 'parameters', 'steps', 'best held-out loss', 'seed', 'learning-rate', 'last change', 'state']);
  expect(rows.slice(2).map((row) => [row[0], row[5], row[6]])).toEqual([
    ['out/whole/learning-rate=0.01_seed=1', '1', '0.01'],
    ['out/whole/learning-rate=1e-3_seed=1', '1', '1e-3'],
  ]);
});
