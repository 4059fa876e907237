/**
 * What every thread runs: it claims the next block of the job at hand, computes it, and counts it as done. This file imports nothing:
 * scripts/build-wasm.mjs also keeps its text, which a runtime starts as a worker.
 *
 * The ticket is the heart. Its upper 16 bits count jobs, its lower 16 bits the blocks that no one has claimed. A thread reads the ticket,
 * then the job, then claims by replacing the very ticket that it read: where that succeeds, the job was still the same. So a
 * thread that wakes late does no harm, and none has to be waited for unless it claimed a block.
 */

/** The buffer that all threads share beside the memory: 32-bit words, then numbers, then the text of an error. */
export const CONTROL = {
  // words; those that threads fight for lie in cache lines of their own
  TICKET: 0,
  DONE: 16,
  FAILED: 32,
  CLOSED: 33,
  KERNEL: 34,
  BLOCKS: 35,
  COUNT: 36,
  /** 1 while jobs come one after the other. */
  CHAIN: 37,
  /** Helpers that sleep, or are about to. */
  SLEEPERS: 48,
  // from here on in bytes
  NUMBERS: 256,
  TEXT: 1024,
  SIZE: 2048,
} as const;

/** Blocks that a ticket can hold. */
export const MOST_BLOCKS = 0xffff;
/** The first two numbers of a job: where scratch begins, and the bytes of it that each thread has. Then come the arguments. */
export const ARGUMENTS = 2;
/** Looks at a word before a thread goes to sleep: some 50 µs, in which the next kernel mostly comes. */
const LOOKS = 10_000;
/** How many times as long it looks in a chain: longer than one thread alone works between two jobs, and no longer than a millisecond. */
const ROUNDS_IN_CHAIN = 4;

/** What a worker is started with; all of it can be sent by postMessage. */
export interface ThreadStart {
  control: SharedArrayBuffer;
  memory: WebAssembly.Memory;
  module: WebAssembly.Module;
  /** Names of the module's kernels; a job says which by its place. */
  kernels: readonly string[];
  /** The caller of jobs is 0, its helpers are 1, 2, … */
  slot: number;
}

export interface Views {
  words: Int32Array;
  numbers: Float64Array;
  text: Uint8Array;
}

export function viewsOf(control: SharedArrayBuffer): Views {
  return {
    words: new Int32Array(control, 0, CONTROL.NUMBERS / 4),
    numbers: new Float64Array(control, CONTROL.NUMBERS, (CONTROL.TEXT - CONTROL.NUMBERS) / 8),
    text: new Uint8Array(control, CONTROL.TEXT),
  };
}

export type KernelFunction = (...numbers: number[]) => void;

/** Computes blocks until none is left unclaimed; returns the ticket that said so. */
export function work({ words, numbers, text }: Views, kernels: readonly KernelFunction[], slot: number): number {
  let [job, last] = [-1, 0];
  let kernel: KernelFunction = () => undefined;
  let given: number[] = [];
  for (;;) {
    const ticket = Atomics.load(words, CONTROL.TICKET);
    const left = ticket & MOST_BLOCKS;
    if (left === 0) return ticket;
    if (ticket >>> 16 !== job) {
      job = ticket >>> 16;
      kernel = kernels[words[CONTROL.KERNEL] as number] as KernelFunction;
      last = words[CONTROL.BLOCKS] as number;
      given = [];
      for (let i = 0; i < (words[CONTROL.COUNT] as number); i++) given.push(numbers[ARGUMENTS + i] as number);
      given.push(0, (numbers[0] as number) + slot * (numbers[1] as number));
    }
    if (Atomics.compareExchange(words, CONTROL.TICKET, ticket, ticket - 1) !== ticket) continue;
    given[given.length - 2] = last - left;
    try {
      kernel(...given);
    } catch (error) {
      if (Atomics.exchange(words, CONTROL.FAILED, 1) === 0) note(text, String(error));
    }
    if (Atomics.add(words, CONTROL.DONE, 1) === last - 1) Atomics.notify(words, CONTROL.DONE);
  }
}

/** Looks for a while whether a word has changed, for longer in a chain. */
export function looksFor(words: Int32Array, index: number, value: number): boolean {
  for (let rounds = ROUNDS_IN_CHAIN; rounds > 0; rounds--) {
    for (let looks = LOOKS; looks > 0; looks--) if (Atomics.load(words, index) !== value) return true;
    if (!Atomics.load(words, CONTROL.CHAIN)) return false;
  }
  return false;
}

/** Latin letters, with a zero behind them; TextEncoder does not write to shared memory everywhere. */
function note(text: Uint8Array, message: string): void {
  const length = Math.min(message.length, text.length - 1);
  for (let i = 0; i < length; i++) text[i] = message.charCodeAt(i);
  text[length] = 0;
}

/**
 * Runs in a worker until the pool is closed, asleep whenever there is nothing to do. Calls `ready` before it waits for its first job.
 * @public by the name that the text of this file gives it
 */
export function serve({ control, memory, module, kernels, slot }: ThreadStart, ready: () => void): void {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const functions = kernels.map((name) => exports[name] as KernelFunction);
  const views = viewsOf(control);
  ready();
  for (;;) {
    const ticket = work(views, functions, slot);
    if (Atomics.load(views.words, CONTROL.CLOSED)) return;
    if (looksFor(views.words, CONTROL.TICKET, ticket)) continue;
    // counted first: who announces a job either sees it, or has changed the ticket before
    Atomics.add(views.words, CONTROL.SLEEPERS, 1);
    Atomics.wait(views.words, CONTROL.TICKET, ticket);
    Atomics.sub(views.words, CONTROL.SLEEPERS, 1);
  }
}
