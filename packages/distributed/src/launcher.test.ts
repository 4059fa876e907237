import { describe, expect, it } from 'vitest';
import { launcherOf } from './launcher';

describe('launcherOf', () => {
  it.each([
    ['nothing', {}],
    ['mpirun -n 1', { OMPI_COMM_WORLD_SIZE: '1', OMPI_COMM_WORLD_RANK: '0' }],
    ['the batch script of a job', { SLURM_JOB_ID: '7', SLURM_NTASKS: '4', SLURM_PROCID: '0' }],
    ['srun -n 1', { SLURM_STEP_ID: '0', SLURM_STEP_NUM_TASKS: '1', SLURM_PROCID: '0' }],
  ])('finds no group in %s', (_, env) => {
    expect(launcherOf(env)).toBeUndefined();
  });

  const step = { SLURM_STEP_ID: '0', SLURM_STEP_NUM_TASKS: '7', SLURM_STEP_TASKS_PER_NODE: '2(x3),1' };
  it.each([
    [
      { OMPI_COMM_WORLD_SIZE: '4', OMPI_COMM_WORLD_RANK: '3', OMPI_COMM_WORLD_LOCAL_SIZE: '2', PMIX_RANK: '3' },
      { name: 'mpirun of Open MPI', size: 4, rank: 3, localSize: 2, family: 'Open MPI' },
    ],
    [
      { PMI_SIZE: '4', PMI_RANK: '1', MPI_LOCALNRANKS: '4' },
      { name: 'mpiexec of MPICH', size: 4, rank: 1, localSize: 4, family: 'MPICH' },
    ],
    [
      { ...step, SLURM_PROCID: '6', SLURM_NODEID: '3', PMIX_RANK: '6' },
      { name: 'srun', size: 7, rank: 6, localSize: 1, family: 'Open MPI' },
    ],
    [
      { ...step, SLURM_PROCID: '2', SLURM_NODEID: '1', PMI_SIZE: '7', PMI_RANK: '2' },
      { name: 'srun', size: 7, rank: 2, localSize: 2, family: 'MPICH' },
    ],
    [
      { ...step, SLURM_PROCID: '2' },
      { name: 'srun', size: 7, rank: 2, localSize: undefined, family: undefined },
    ],
  ])('reads %j', (env, launcher) => {
    expect(launcherOf(env)).toEqual(launcher);
  });
});
