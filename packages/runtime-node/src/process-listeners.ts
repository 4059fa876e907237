type Event = 'uncaughtException';
const EVENTS = ['uncaughtException', 'unhandledRejection'] as Event[];

/**
 * Runs `change` and leaves the process's listeners for unhandled errors as they were. Emscripten's start adds some that end the process
 * with a trace of their own on any unhandled rejection, ours or the user's; its end removes all that there were when it started.
 */
export async function withProcessListeners(change: () => Promise<void>): Promise<void> {
  const before = EVENTS.map((event) => process.listeners(event));
  try {
    await change();
  } finally {
    for (const [i, event] of EVENTS.entries()) {
      process.removeAllListeners(event);
      for (const listener of before[i] ?? []) process.on(event, listener);
    }
  }
}
