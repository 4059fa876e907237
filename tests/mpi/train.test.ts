import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installedMpi } from '../../scripts/lib/mpi.mjs';
import { DENSESSM, isStopped, type Mpi, type RanksOptions, ranksOf, runRanks, STOPPING, stopAt, until } from './ranks';
import { logOf, lossDifference, STEPS, savedBy, stepsIn, trainingFolder, trainingOf } from './runs';

const { cwd, remove } = trainingFolder();
afterAll(remove);
const installed = installedMpi();
const [first] = installed as [Mpi];
const last = installed.at(-1) as Mpi;

const alone = (argv: readonly string[]) => spawnSync(process.execPath, [...DENSESSM, ...argv], { cwd, encoding: 'utf8' });
const inRanks = (mpi: Mpi, ranks: number, argv: readonly string[], options: RanksOptions = {}) =>
  runRanks(mpi, ranks, [...(options.env ? STOPPING : DENSESSM), ...argv], { cwd, ...options });

/** Does something to the second rank of a run after so many steps: the first one, which speaks, stands still until it is done. */
function onceAt(steps: number, act: (second: number) => void): RanksOptions {
  let launcher = 0;
  let isDone = false;
  return {
    env: stopAt(`^step ${steps}/`),
    started: (pid) => {
      launcher = pid;
    },
    heard: (text) => {
      if (isDone || !new RegExp(`^step ${steps}/`, 'm').test(text)) return;
      isDone = true;
      const [first, second] = ranksOf(launcher) as [number, number];
      void until(() => isStopped(first)).then(() => {
        act(second); // it is heard before it stands still: to go on would be nothing to it then, and it would stand for good
        process.kill(first, 'SIGCONT');
      });
    },
  };
}

beforeAll(() => {
  const { status, stderr } = alone(trainingOf('one', 8));
  expect([status, stderr]).toEqual([0, expect.stringContaining('held-out')]);
});

describe('densessm train in several processes', () => {
  it('does what one process does with all of their texts', async () => {
    const { code, stderr } = await inRanks(first, 2, trainingOf('two', 4));
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/^ranks {4}2 processes, 2 on this machine, × 4 texts; they meet at every step/m),
    ]);
    expect(stderr.match(/^device/gm)).toHaveLength(1); // one of them speaks
    expect(lossDifference(cwd, 'one', 'two')).toBeLessThan(1e-5);
  });

  it('does so in four, each with two batches and carried states', async () => {
    const ways = ['--model', 'retnet', '--num-attention-heads', '2', '--carry-state'];
    expect(alone(trainingOf('carried', 4, ...ways, '--gradient-accumulation-steps', '2')).status).toBe(0);
    const { code, stderr } = await inRanks(last, 4, trainingOf('carried-by-four', 1, ...ways, '--gradient-accumulation-steps', '2'));
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    expect(lossDifference(cwd, 'carried', 'carried-by-four')).toBeLessThan(1e-5);
  });

  it('differs from it where the processes do not meet', async () => {
    const { code } = await inRanks(first, 2, trainingOf('apart', 4, '--outer-steps', '50', '--save-interval', '50'));
    expect(code).toBe(0);
    expect(lossDifference(cwd, 'one', 'apart')).toBeGreaterThan(1e-3);
  });

  it('loses a process, is started again and ends to the bit as if nothing had happened; one that is slow is waited for', async () => {
    const argv = trainingOf('killed', 4, '--requeue');
    const killed = onceAt(12, (second) => process.kill(second, 'SIGKILL'));
    expect((await inRanks(first, 2, argv, killed)).code).not.toBe(0);
    expect(logOf(cwd, 'killed').length).toBeLessThan(STEPS);
    const slow = onceAt(30, (second) => {
      process.kill(second, 'SIGSTOP');
      setTimeout(() => process.kill(second, 'SIGCONT'), 1000);
    });
    const { code, stderr } = await inRanks(first, 2, argv, slow);
    expect([code, stderr]).toEqual([0, expect.stringMatching(new RegExp(`^resumes {2}after \\d*[05] of ${STEPS} steps$`, 'm'))]);
    expect(logOf(cwd, 'killed')).toEqual(logOf(cwd, 'two'));
    expect(savedBy(cwd, 'killed')).toEqual(savedBy(cwd, 'two'));
  });

  it('saves on SIGTERM to any process, ends with the code for another start, and continues in another number of processes', async () => {
    const argv = trainingOf('requeued', 4, '--requeue');
    const ended = onceAt(12, (second) => process.kill(second, 'SIGTERM'));
    const { code, stderr } = await inRanks(first, 2, argv, ended);
    expect([code, stderr]).toEqual([75, expect.stringMatching(/interrupted after \d+ steps; saved, to be started again/)]);
    const { steps } = savedBy(cwd, 'requeued').counters;
    const again = await inRanks(last, 4, argv);
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining(`resumes  after ${steps} of ${STEPS} steps`)]);
    expect(again.stderr).toMatch(/^ranks {4}4 processes, 4 on this machine, × 2 texts/m);
    expect(lossDifference(cwd, 'one', 'requeued')).toBeLessThan(1e-5);
  });

  it('gives up a process that is silent, and saves', async () => {
    const endless = ['--max-steps', '100000', '--eval-interval', '0'];
    const argv = trainingOf('silent', 4, '--communication-timeout', '5', '--save-interval', '0', ...endless);
    const started = (launcher: number) =>
      void until(() => stepsIn(cwd, 'silent') >= 12).then(() => process.kill(ranksOf(launcher)[1] as number, 'SIGSTOP'));
    const { code, stderr } = await inRanks(first, 2, argv, { started });
    expect([code, stderr]).toEqual([1, expect.stringContaining('Rank 0 of 2 has heard nothing from the others for 5 s.')]);
    expect(stderr).toContain(`saved after ${savedBy(cwd, 'silent').counters.steps} steps`);
  });

  it('refuses a number of processes that cannot divide a step, and text that only one of them could read', async () => {
    const three = await inRanks(first, 3, ['train', '--name', 'two', '--init-from', 'resume', '--max-steps', '60']);
    // the launcher says with which code of all
    expect([three.code !== 0, three.stderr]).toEqual([true, expect.stringContaining('So many processes cannot divide a step.')]);
    const stdin = await inRanks(first, 2, trainingOf('typed', 4, '--data', '-'));
    expect([stdin.code !== 0, stdin.stderr]).toEqual([true, expect.stringContaining('Several processes cannot read stdin.')]);
  });
});
