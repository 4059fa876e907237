import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Ran } from './fake-io';

const CLI = fileURLToPath(new URL('../cli.ts', import.meta.url));
const SOURCES = ['--import', import.meta.resolve('tsx'), '--conditions=@densessm/source'];
/** Arguments of Node that run the command on its sources. */
export const COMMAND = [...SOURCES, CLI];

const SIGNAL_ITSELF = ['--import', import.meta.resolve('./signal-itself.ts')];

interface SpawnOptions {
  readonly cwd: string;
  readonly kill?: { readonly when: RegExp; readonly signal: NodeJS.Signals };
  /** Streams that nobody reads from their first text on. */
  readonly close?: readonly ('stdout' | 'stderr')[];
}

/**
 * Runs the command as a process of its own, which is sent a signal as soon as what it says fits a pattern. Its code is null
 * where the signal ended it.
 */
export function spawnCommand(argv: readonly string[], { cwd, kill, close }: SpawnOptions) {
  // a GPU that is computed on the CPU is for tests of kernels: looking for it, its driver may write to stderr
  const { VK_ICD_FILENAMES: _, ...env } = process.env;
  if (kill) env.DENSESSM_TEST_SIGNAL = JSON.stringify([kill.when.source, kill.when.flags, kill.signal]);
  const child = spawn(process.execPath, [...SOURCES, ...(kill ? SIGNAL_ITSELF : []), CLI, ...argv], { cwd, env });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => {
      texts[name] += chunk;
      if (close?.includes(name)) child[name].destroy();
    });
  return new Promise<Omit<Ran, 'code'> & { code: number | null }>((resolve) => {
    child.on('close', (code) => resolve({ code, ...texts }));
  });
}
