import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * An MPI of this machine: its launcher, and how that is told to start more processes than there are cores.
 * @typedef {{ name: 'Open MPI' | 'MPICH', command: string, flags: readonly string[] }} InstalledMpi
 */

/** @type {readonly InstalledMpi[]} */
const KNOWN = [
  { name: 'Open MPI', command: 'mpirun.openmpi', flags: ['--allow-run-as-root', '--oversubscribe', '--bind-to', 'none'] },
  { name: 'MPICH', command: 'mpirun.mpich', flags: [] },
];

const isThere = (/** @type {string} */ command) =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, command)));

/** Those that Debian's packages bring, under their own names. */
export const installedMpi = () => KNOWN.filter(({ command }) => isThere(command));

/** Why this machine cannot play two hosts; undefined where it can. */
export function hostProblem() {
  if (!isThere('ip')) return 'there is no ip: apt-get install iproute2';
  const name = `densessm-${process.pid}`;
  const made = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (made.status !== 0) return `network namespaces are not allowed (${made.stderr.trim().split('\n')[0]})`;
  spawnSync('ip', ['netns', 'del', name]);
  return undefined;
}
