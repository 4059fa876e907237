import { join } from 'node:path';
import { hostProblem, installedMpi } from '../lib/mpi.mjs';
import { vitest } from './sources.mjs';

/**
 * Training in several processes, under every MPI that the machine has, and between two network namespaces where it may make them.
 * @param {string} folder for vitest's report
 * @returns {Promise<import('../lib/phases.mjs').Outcome>}
 */
export async function mpi(folder) {
  const found = installedMpi().map(({ name }) => String(name));
  if (found.length === 0) return { passed: 0, failed: 0, note: 'there is no mpirun: apt-get install openmpi-bin mpich', output: '' };
  const outcome = await vitest(join(folder, 'vitest-mpi.json'), ['--config', 'vitest.mpi.config.ts']);
  const problem = hostProblem();
  const without = ['Open MPI', 'MPICH'].filter((name) => !found.includes(name)).map((name) => `without ${name}`);
  const limits = [...without, ...(problem === undefined ? [] : [`without two hosts: ${problem}`])];
  return { ...outcome, note: [outcome.note, found.join(' and '), ...limits].join('; ') };
}
