import type { Io } from '../../apps/trainer/src/io';

/** A process that nobody listens to, for commands that are only asked what they are. */
export function silentIo(): Io {
  const output = { write: () => true };
  return { stdout: output, stderr: output, stdin: process.stdin, env: {}, cwd: '.', signal: new AbortController().signal };
}
