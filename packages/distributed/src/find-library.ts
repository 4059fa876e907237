import { dirname, join } from 'node:path';
import { SsmError } from '@densessm/ssm-core/plain';
import type { LibraryHandle } from 'koffi';
import type { Environment, Launcher } from './launcher';

export type Koffi = typeof import('koffi');

/** Names under which the loader of the system may know a libmpi; those of MPICH's ABI are Intel's and Cray's too. */
const NAMES = {
  'Open MPI': ['libmpi.so.40', 'libmpi.40.dylib'],
  MPICH: ['libmpich.so.12', 'libmpi.so.12', 'libmpi.12.dylib', 'libmpi_gnu_123.so.12', 'libmpi_gnu_91.so.12'],
} as const;
const FOLDERS = ['', '/opt/homebrew/lib', '/usr/local/lib'];
const FIX =
  'install one: apt-get install openmpi-bin (or mpich), dnf install openmpi, brew install open-mpi, module load openmpi; or name its file with --mpi-library FILE';

/** MPI and collectives need more stack than koffi gives its calls, and MPICH crashes with less. */
const STACK_BYTES = 8 * 2 ** 20;

let loading: Promise<Koffi> | undefined;

/** koffi, whose stacks can be set once, before its first library. @throws SsmError BACKEND where it is not installed */
export function loadKoffi(): Promise<Koffi> {
  loading ??= import('koffi').then(
    (koffi) => {
      koffi.config({ ...koffi.config(), sync_stack_size: STACK_BYTES, async_stack_size: STACK_BYTES });
      return koffi;
    },
    (error: Error) => {
      throw koffiMissing(error);
    },
  );
  return loading;
}

const koffiMissing = (error: Error): SsmError =>
  new SsmError(
    {
      code: 'BACKEND',
      what: 'Training in several processes needs the package koffi, which calls MPI.',
      expected: 'koffi, an optional dependency without a compiler',
      got: error.message.split('\n', 1)[0] ?? 'an error',
      fix: 'npm install koffi',
    },
    { cause: error },
  );

export interface FoundLibrary {
  readonly library: LibraryHandle;
  readonly path: string;
}

/**
 * The libmpi of the launcher where one tells, else the first that the system has.
 * @throws SsmError BACKEND
 */
export function findLibrary(koffi: Koffi, given: string | undefined, launcher: Launcher | undefined, env: Environment): FoundLibrary {
  const tried: string[] = [];
  for (const path of given === undefined ? candidates(launcher, env) : [given]) {
    try {
      return { library: koffi.load(path, { global: true }), path };
    } catch (error) {
      tried.push(given === undefined ? path : `${path}: ${(error as Error).message}`);
    }
  }
  throw new SsmError({
    code: 'BACKEND',
    what: given === undefined ? 'There is no MPI library.' : 'The MPI library cannot be loaded.',
    expected: 'libmpi of Open MPI 4 or 5, or of MPICH 4',
    got: given === undefined ? `none of ${[...new Set(tried)].join(', ')}` : tried.join('; '),
    fix: FIX,
  });
}

function candidates(launcher: Launcher | undefined, env: Environment): string[] {
  const families = launcher?.family === 'MPICH' ? (['MPICH', 'Open MPI'] as const) : (['Open MPI', 'MPICH'] as const);
  const names = families.flatMap((family) => [...NAMES[family]]);
  const own = [env.MPI_HOME, env.OPAL_PREFIX, env.I_MPI_ROOT].flatMap((home) => (home === undefined ? [] : [join(home, 'lib')]));
  const started = env.OMPI_ARGV === undefined && env._ !== undefined ? [join(dirname(env._), '..', 'lib')] : [];
  return [...own, ...FOLDERS, ...started].flatMap((folder) => names.map((name) => (folder === '' ? name : join(folder, name))));
}
