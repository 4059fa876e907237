import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { installedMpi } from '../../scripts/lib/mpi.mjs';
import { COLLECTIVES, type Mpi, NODE, runRanks } from './ranks';

const installed = installedMpi();

describe.each(installed)('$name', (mpi) => {
  it.each([2, 4])('combines, sends and waits with %i ranks', async (ranks) => {
    const { code, stdout, stderr } = await runRanks(mpi, ranks, COLLECTIVES);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    expect(JSON.parse(stdout)).toEqual({
      ...{ size: ranks, sums: new Array(7).fill(true), together: [true, true, true], extremes: [ranks - 1, 0] },
      ...{ bytes: true, told: { said: 'ünïcode' }, same: [true, false], isCounted: true },
    });
  });

  it.each(['small', 'large'])('gives up a %s call that a rank never joins', async (size) => {
    const { code, stdout } = await runRanks(mpi, 2, [...COLLECTIVES, 'silence', size]);
    expect(code).not.toBe(0);
    const { code: kind, message } = JSON.parse(stdout.split('\n').find((line) => line.startsWith('{')) ?? '{}');
    expect([kind, message]).toEqual(['NETWORK', expect.stringContaining('Rank 0 of 2 has heard nothing from the others for 1 s')]);
  });
});

/** A program that joins, and writes the error that it meets. */
const program = (options: object): string[] => [
  ...[...NODE, '--input-type=module', '-e'],
  `import { openMpi } from '@densessm/distributed';
  try { await openMpi(${JSON.stringify(options)}); } catch (error) { console.log(error.message); process.exit(3); }`,
];

describe('openMpi', () => {
  const alone = (options: object): string => spawnSync(process.execPath, program(options), { encoding: 'utf8' }).stdout;

  it('says which packages bring a library that is not there', () => {
    const told = alone({ library: '/nowhere/libmpi.so' });
    expect(told).toContain('The MPI library cannot be loaded.');
    expect(told).toMatch(/got {7}\/nowhere\/libmpi\.so: .*cannot open shared object file/);
    expect(told).toMatch(/fix {7}install one: apt-get install openmpi-bin \(or mpich\)/);
  });

  it('refuses a timeout that is none', () => {
    expect(alone({ communicationTimeout: 0 })).toContain('`communicationTimeout` has no meaning');
  });

  it.runIf(installed.length > 1)('notices a library that is not that of the launcher', async () => {
    const { code, stdout } = await runRanks(installed[0] as Mpi, 2, program({ library: 'libmpich.so.12' }));
    expect([code, stdout]).toEqual([3, expect.stringContaining('2 processes, as mpirun of Open MPI started')]);
  });
});
