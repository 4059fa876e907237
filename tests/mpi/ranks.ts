import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { InstalledMpi } from '../../scripts/lib/mpi.mjs';

export type Mpi = InstalledMpi;

/** Arguments of Node that run TypeScript on the sources. */
export const NODE = ['--import', import.meta.resolve('tsx'), '--conditions=@densessm/source'];
/** The command `densessm`. */
export const DENSESSM = [...NODE, fileURLToPath(new URL('../../apps/trainer/src/cli.ts', import.meta.url))];
/** The same as a process that stops itself once it has written what {@link stopAt} asks for. */
export const STOPPING = [
  DENSESSM.slice(0, -1),
  ['--import', new URL('../../apps/trainer/src/test-support/signal-itself.ts', import.meta.url).href],
  DENSESSM.slice(-1),
].flat();
export const stopAt = (pattern: string): NodeJS.ProcessEnv => ({ DENSESSM_TEST_SIGNAL: JSON.stringify([pattern, 'm', 'SIGSTOP']) });
export const COLLECTIVES = [...NODE, fileURLToPath(new URL('./collectives.ts', import.meta.url))];

export interface RanksRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RanksOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly started?: (launcher: number) => void;
  /** Sees all that was written so far, each time that there is more. */
  readonly heard?: (text: string) => void;
}

/** Starts `ranks` processes of Node with these arguments; `started` learns the launcher's process. */
export const runRanks = (mpi: Mpi, ranks: number, argv: readonly string[], options: RanksOptions = {}): Promise<RanksRun> =>
  runCommand([mpi.command, ...mpi.flags, '-n', String(ranks), process.execPath, ...argv], options);

export function runCommand([program = '', ...words]: readonly string[], { cwd, env, started, heard }: RanksOptions): Promise<RanksRun> {
  const child = spawn(program, words, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  started?.(child.pid ?? 0);
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => {
      texts[name] += chunk;
      heard?.(texts.stdout + texts.stderr);
    });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...texts }));
  });
}

/** Waits until it holds. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Whether a signal made a process stand still. */
export const isStopped = (pid: number): boolean => / T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, ''));

/** The processes of Node below one, in the order in which they were started: its ranks. */
export function ranksOf(launcher: number): number[] {
  const children = readFileSync(`/proc/${launcher}/task/${launcher}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  return children.flatMap((pid) => (readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(process.execPath) ? [pid] : ranksOf(pid)));
}
