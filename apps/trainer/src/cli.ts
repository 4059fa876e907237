#!/usr/bin/env node
import { describeError } from './errors';
import type { Io } from './io';
import { EXIT } from './io';
import { main } from './main';
import { closeLostTerminals, watchOutput } from './streams';

/** SIGUSR2 is what mpirun passes on to its processes, unlike SIGTERM. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const;
/** One Ctrl-C comes twice where a parent, such as npm, passes on what the terminal has sent to all: those count as one. */
const SAME_MS = 300;
let interrupts: AbortController | undefined;

/** Listens only when a command asks, so that Ctrl-C ends at once the commands that have nothing to save. */
function interruptSignal(): AbortSignal {
  if (interrupts !== undefined) return interrupts.signal;
  const controller = new AbortController();
  interrupts = controller;
  let first = Number.NEGATIVE_INFINITY;
  const stop = (): void => {
    if (!controller.signal.aborted) first = performance.now();
    controller.abort();
  };
  const interrupt = (): void => {
    if (controller.signal.aborted && performance.now() - first > SAME_MS) process.exit(EXIT.interrupted);
    stop();
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  // A sweep that stops or dies closes the channel to its runs, perhaps before one has come as far as here.
  if (process.connected === false) stop();
  process.once('disconnect', stop);
  process.channel?.unref();
  return controller.signal;
}

const argv = process.argv.slice(2);
let isUndelivered = false;
const { unread } = watchOutput(process, (error) => {
  isUndelivered = true;
  process.exitCode ||= EXIT.failure;
  process.stderr.write(`${describeError(error, argv.includes('--json')).text}\n`);
});
closeLostTerminals(process);

const last: NonNullable<Io['last']> = {};
const io: Io = {
  last,
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env: process.env,
  cwd: process.cwd(),
  unread,
  self: [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
  get signal() {
    return interruptSignal();
  },
};

const code = await main(argv, io);
process.exitCode = code === EXIT.fine && isUndelivered ? EXIT.failure : code;
await last.leave?.(process.exitCode);
