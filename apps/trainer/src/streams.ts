/** The process's own streams, which may be closed, full, or a terminal that goes away. */
import { closeSync, fstatSync } from 'node:fs';
import { isatty } from 'node:tty';
import { SsmError } from '@densessm/ssm-core/plain';

/** What the system says where whoever read has gone; everything else is a failure of ours to deliver. */
const GONE = new Set(['EPIPE', 'EIO', 'ECONNRESET', 'ERR_STREAM_DESTROYED']);

export interface WatchedOutput {
  /** Aborted at the first text that could not be written. */
  readonly unread: AbortSignal;
}

/**
 * Keeps stdout and stderr from ending the process: `densessm … | head -1` closes them when it has seen enough. `onFailure` hears of a stdout
 * that cannot take the results, a full disk for example.
 */
export function watchOutput(
  { stdout, stderr }: Pick<NodeJS.Process, 'stdout' | 'stderr'>,
  onFailure: (error: SsmError) => void,
): WatchedOutput {
  const unread = new AbortController();
  stderr.on('error', () => undefined); // there is nowhere to say so
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (unread.signal.aborted) return;
    unread.abort();
    if (!GONE.has(error.code ?? '')) onFailure(undelivered(error));
  });
  return { unread: unread.signal };
}

const undelivered = (cause: NodeJS.ErrnoException): SsmError =>
  new SsmError(
    {
      code: 'FILE',
      what: 'The results could not be written to standard output.',
      expected: 'a file or a program that takes them',
      got: cause.code === 'ENOSPC' ? 'a full disk' : cause.message,
      fix: 'free some space, or write them to another place',
    },
    { cause },
  );

/**
 * Node puts terminals back as they were when it exits, and aborts where one has gone away since it started: nodejs/node, src/node.cc,
 * ResetStdio. It leaves closed files alone. A lost terminal is a device that is no terminal; so is /dev/null, which may be closed as well.
 */
export function closeLostTerminals(process: Pick<NodeJS.Process, 'on'>): void {
  process.on('exit', () => {
    for (const descriptor of [0, 1, 2])
      try {
        if (fstatSync(descriptor).isCharacterDevice() && !isatty(descriptor)) closeSync(descriptor);
      } catch {} // closed already
  });
}
