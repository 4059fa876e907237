import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** An installed MPI: the launcher, and how it is told to start more processes than there are cores. */
export interface InstalledMpi {
  readonly name: string;
  readonly command: string;
  readonly flags: readonly string[];
}

const KNOWN: readonly InstalledMpi[] = [
  { name: 'Open MPI', command: 'mpirun.openmpi', flags: ['--allow-run-as-root', '--oversubscribe', '--bind-to', 'none'] },
  { name: 'MPICH', command: 'mpirun.mpich', flags: [] },
];

const isThere = (command: string): boolean => (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, command)));

/** Those that this machine has, under Debian's names. */
export const installedMpi = (): InstalledMpi[] => KNOWN.filter(({ command }) => isThere(command));

export interface RanksRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `ranks` processes of Node with these arguments. `watch` sees what they have written so far, and the launcher's process. */
export function runRanks(
  mpi: InstalledMpi,
  ranks: number,
  argv: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; watch?: (text: string, launcher: number) => void } = {},
): Promise<RanksRun> {
  const child = spawn(mpi.command, [...mpi.flags, '-n', String(ranks), process.execPath, ...argv], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => {
      texts[name] += chunk;
      options.watch?.(texts.stdout + texts.stderr, child.pid ?? 0);
    });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...texts }));
  });
}
