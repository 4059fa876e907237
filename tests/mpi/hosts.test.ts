import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { hostProblem, installedMpi } from '../../scripts/lib/mpi.mjs';
import { DENSESSM, type RanksOptions, runCommand, until } from './ranks';
import { lossDifference, STEPS, savedBy, stepsIn, trainingFolder, trainingOf } from './runs';
import { twoHosts } from './two-hosts';

const { cwd, remove } = trainingFolder();
afterAll(remove);

/** Where the machine may not make namespaces, `npm test` says so in the line of the phase. */
describe.runIf(hostProblem() === undefined)('two hosts that a cable joins', () => {
  const train = (launch: readonly string[], argv: readonly string[], options: RanksOptions = {}) =>
    runCommand([...launch, '-n', '2', process.execPath, ...DENSESSM, ...argv], { cwd, ...options });

  it.each(installedMpi())('train over TCP as one process does, with $name', async (mpi) => {
    const hosts = twoHosts(cwd);
    try {
      const [one, two] = [`one-${mpi.name}`, `two-${mpi.name}`].map((name) => name.replace(' ', '-')) as [string, string];
      expect(spawnSync(process.execPath, [...DENSESSM, ...trainingOf(one, 8)], { cwd }).status).toBe(0);
      const before = hosts.received();
      const { code, stderr } = await train(hosts.launch(mpi), trainingOf(two, 4));
      expect([code, stderr]).toEqual([0, expect.stringMatching(/^ranks {4}2 processes, 1 on this machine/m)]);
      expect(lossDifference(cwd, one, two)).toBeLessThan(1e-5);
      expect(hosts.received() - before).toBeGreaterThan(STEPS * 4 * 1592); // the gradients of all steps came over the cable
    } finally {
      hosts.remove();
    }
  });

  it('notice a cable that is cut, save and end', async () => {
    const hosts = twoHosts(cwd);
    const [mpi] = installedMpi() as [ReturnType<typeof installedMpi>[0]];
    try {
      const argv = trainingOf(
        'cut',
        4,
        '--communication-timeout',
        '5',
        '--save-interval',
        '0',
        '--max-steps',
        '100000',
        '--eval-interval',
        '0',
      );
      const { code, stderr } = await train(hosts.launch(mpi), argv, {
        started: () => void until(() => stepsIn(cwd, 'cut') >= 12).then(hosts.cut),
        heard: (text) => text.includes('Rank 0 of 2 has heard nothing') && hosts.reconnect(), // mpirun itself waits for the other host
      });
      expect(code).not.toBe(0);
      expect(stderr).toContain('Rank 0 of 2 has heard nothing from the others for 5 s.');
      expect(savedBy(cwd, 'cut').counters.steps).toBeGreaterThanOrEqual(12);
    } finally {
      hosts.remove();
    }
  });

  it('end with a clear message where the disk of the first is full', async () => {
    const disk = join(cwd, 'disk');
    mkdirSync(disk);
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]).status).toBe(0);
    try {
      const [mpi] = installedMpi() as [ReturnType<typeof installedMpi>[0]];
      const { code, stderr } = await train([mpi.command, ...mpi.flags], trainingOf('full', 4, '--out-dir', disk));
      expect([code, stderr]).toEqual([1, expect.stringContaining('got       a full disk')]);
    } finally {
      spawnSync('umount', ['--lazy', disk]);
    }
  });
});
