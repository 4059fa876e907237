#!/usr/bin/env node
import type { Io } from './io';
import { EXIT } from './io';
import { main } from './main';

let interrupts: AbortController | undefined;

/** Listens only when a command asks, so that Ctrl-C ends at once the commands that have nothing to save. */
function interruptSignal(): AbortSignal {
  if (interrupts !== undefined) return interrupts.signal;
  const controller = new AbortController();
  interrupts = controller;
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return controller.signal;
}

const io: Io = {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env: process.env,
  cwd: process.cwd(),
  get signal() {
    return interruptSignal();
  },
};

// `densessm … | head` closes the pipe when it has seen enough: no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.fine : EXIT.failure));
process.exitCode = await main(process.argv.slice(2), io);
