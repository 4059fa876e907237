import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { installedMpi, runRanks } from './test-support/ranks';

const PROGRAM = fileURLToPath(new URL('./test-support/collectives.ts', import.meta.url));
const NODE = ['--import', import.meta.resolve('tsx'), '--conditions=@densessm/source'];
const installed = installedMpi();

describe.each(installed)('$name', (mpi) => {
  it.each([2, 4])('combines, sends and waits with %i ranks', async (ranks) => {
    const { code, stdout, stderr } = await runRanks(mpi, ranks, [...NODE, PROGRAM]);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    expect(JSON.parse(stdout)).toEqual({
      ...{ size: ranks, sums: new Array(7).fill(true), together: [true, true, true], extremes: [ranks - 1, 0] },
      ...{ bytes: true, told: { said: 'ünïcode' }, same: [true, false], isCounted: true },
    });
  });

  it.each(['small', 'large'])('gives up a %s call that a rank never joins', async (size) => {
    const { code, stdout } = await runRanks(mpi, 2, [...NODE, PROGRAM, 'silence', size]);
    expect(code).not.toBe(0);
    const { code: kind, message } = JSON.parse(stdout.split('\n').find((line) => line.startsWith('{')) ?? '{}');
    expect([kind, message]).toEqual(['NETWORK', expect.stringContaining('Rank 0 of 2 has heard nothing from the others for 1 s')]);
  });
});

/** What one process that nobody launched says. */
function alone(code: string, env: NodeJS.ProcessEnv = {}): { status: number | null; stdout: string } {
  const program = `import { openMpi } from ${JSON.stringify(fileURLToPath(new URL('./index.ts', import.meta.url)))};
    try { ${code} } catch (error) { console.log(error.message); }`;
  const { status, stdout, stderr } = spawnSync(process.execPath, [...NODE, '--input-type=module', '-e', program], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { status, stdout: stdout + stderr };
}

describe('openMpi', () => {
  it('says which packages bring a library that is not there', () => {
    const { stdout } = alone("await openMpi({ library: '/nowhere/libmpi.so' })");
    expect(stdout).toContain('The MPI library cannot be loaded.');
    expect(stdout).toMatch(/got {7}\/nowhere\/libmpi\.so: .*cannot open shared object file/);
    expect(stdout).toMatch(/fix {7}install one: apt-get install openmpi-bin \(or mpich\)/);
  });

  it('refuses a timeout that is none', () => {
    expect(alone('await openMpi({ communicationTimeout: 0 })').stdout).toContain('`communicationTimeout` has no meaning');
  });

  it.runIf(installed.length > 1)('notices a library that is not that of the launcher', async () => {
    const [openmpi, mpich] = installed;
    const program = `import { openMpi } from ${JSON.stringify(fileURLToPath(new URL('./index.ts', import.meta.url)))};
      try { await openMpi({ library: 'libmpich.so.12' }) } catch (error) { console.log(error.message); process.exit(3); }`;
    expect(mpich?.name).toBe('MPICH');
    const { code, stdout } = await runRanks(openmpi as (typeof installed)[0], 2, [...NODE, '--input-type=module', '-e', program]);
    expect([code, stdout]).toEqual([3, expect.stringContaining('2 processes, as mpirun of Open MPI started')]);
  });
});
