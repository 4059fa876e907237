/** What the program that started this process says of its group, in environment variables. */

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Launcher {
  /** `mpirun of Open MPI`, `mpiexec of MPICH`, `srun`. */
  readonly name: string;
  readonly size: number;
  readonly rank: number;
  /** Processes on this machine, where the launcher says so. */
  readonly localSize: number | undefined;
  /** The library that belongs to the launcher, where it tells. */
  readonly family: 'Open MPI' | 'MPICH' | undefined;
}

/** The launcher of a group of at least two processes; undefined where this process works alone. */
export function launcherOf(env: Environment): Launcher | undefined {
  const found = openMpi(env) ?? slurm(env) ?? hydra(env);
  return found !== undefined && found.size > 1 ? found : undefined;
}

function openMpi(env: Environment): Launcher | undefined {
  const size = count(env.OMPI_COMM_WORLD_SIZE);
  if (size === undefined) return undefined;
  return {
    name: 'mpirun of Open MPI',
    size,
    rank: count(env.OMPI_COMM_WORLD_RANK) ?? 0,
    localSize: count(env.OMPI_COMM_WORLD_LOCAL_SIZE),
    family: 'Open MPI',
  };
}

/** A step of `srun`; the batch script itself, outside of any step, has no group. */
function slurm(env: Environment): Launcher | undefined {
  const size = count(env.SLURM_STEP_NUM_TASKS);
  if (size === undefined || env.SLURM_STEP_ID === undefined || count(env.SLURM_PROCID) === undefined) return undefined;
  if (env.PMI_SIZE !== undefined && count(env.PMI_SIZE) !== size) return undefined; // mpiexec inside a step: hydra knows better
  const family = env.PMIX_RANK === undefined ? (env.PMI_SIZE === undefined ? undefined : 'MPICH') : 'Open MPI';
  return {
    name: 'srun',
    size,
    rank: count(env.SLURM_PROCID) ?? 0,
    localSize: tasksHere(env.SLURM_STEP_TASKS_PER_NODE, env.SLURM_NODEID),
    family,
  };
}

function hydra(env: Environment): Launcher | undefined {
  const size = count(env.PMI_SIZE);
  if (size === undefined) return undefined;
  return { name: 'mpiexec of MPICH', size, rank: count(env.PMI_RANK) ?? 0, localSize: count(env.MPI_LOCALNRANKS), family: 'MPICH' };
}

/** `2(x3),1` is two tasks on each of three nodes and one on a fourth. */
function tasksHere(list: string | undefined, node: string | undefined): number | undefined {
  const place = count(node);
  if (list === undefined || place === undefined) return undefined;
  const all = list.split(',').flatMap((one) => {
    const [, tasks, nodes = '1'] = /^(\d+)(?:\(x(\d+)\))?$/.exec(one) ?? [];
    return new Array<number | undefined>(Number(nodes)).fill(count(tasks));
  });
  return all[place];
}

const count = (text: string | undefined): number | undefined => (text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined);
