/**
 * What every thread runs: it claims a block of the job at hand, computes it, and counts it as done. A job is kernels one after the other,
 * each cut into blocks; a kernel begins when all blocks before it are done. This file imports nothing: scripts/build-wasm.mjs also keeps its
 * text, which a runtime starts as a worker.
 *
 * Each thread has a part of a kernel's blocks, neighbors, since memory is read fastest from first to last; it takes those of others when its
 * own are claimed. The upper 16 bits of a part's claims say of which job they are, the lower 16 bits how many of the part's blocks in that
 * job are claimed. A thread claims by replacing the very word that it read: where that succeeds, the job was still the same. So a thread that wakes late
 * does no harm, and none has to be waited for unless it claimed a block.
 */

/** The buffer that all threads share beside the memory: 32-bit words, then the text of an error, then numbers. */
export const CONTROL = {
  // words; those that threads fight for lie in cache lines of their own
  JOB: 0,
  DONE: 16,
  /** Of the job: its blocks, its kernels, the version of the plan that it plays (0 for none), and into how many parts kernels are divided. */
  BLOCKS: 32,
  KERNELS: 33,
  PLAN: 34,
  PARTS: 35,
  /** Which kernel of the job was the first to fail, from 1. */
  FAILED: 36,
  CLOSED: 37,
  /** Helpers that sleep, or are about to. */
  SLEEPERS: 48,
  CLAIMS: 64,
  // from here on in bytes
  TEXT: 4352,
  NUMBERS: 5120,
  SIZE: 1 << 18,
} as const;

/** Words of a part's claims, a cache line. */
export const OF_PART = 16;
export const MOST_PARTS = 64;
/** Blocks that claims can count, one less than what says that there are none. */
export const MOST_BLOCKS = 0xfffe;
/**
 * The first two numbers: where scratch begins, and the bytes of it that each thread has. Then, of a job without a plan, its kernel; and from
 * further on the kernels of the plan, which stays there for many jobs. Of each its place in the module, its blocks, how many numbers it is given, and these.
 */
export const KERNEL_AT = 2;
export const PLAN_AT = 96;
/** Numbers of a kernel that come before what it is given. */
export const HEAD = 3;
/** Looks at a word before a thread goes to sleep: some 50 µs, in which the next job mostly comes. */
const LOOKS = 10_000;
/** The same inside of a job: longer than most blocks take. */
const LOOKS_IN_JOB = 200_000;

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
    words: new Int32Array(control, 0, CONTROL.TEXT / 4),
    text: new Uint8Array(control, CONTROL.TEXT, CONTROL.NUMBERS - CONTROL.TEXT),
    numbers: new Float64Array(control, CONTROL.NUMBERS),
  };
}

export type KernelFunction = (...numbers: number[]) => void;

interface Step {
  kernel: KernelFunction;
  /** With the block and the scratch behind. */
  given: number[];
  /** Blocks of the job before this kernel. */
  first: number;
  /** Of each part: how many of its blocks are claimed when this kernel's are, and what to add to that number before for the block. */
  parts: { end: number; offset: number }[];
}

/** A thread's share in jobs. */
export class JobWorker {
  readonly #views: Views;
  readonly #kernels: readonly KernelFunction[];
  readonly #slot: number;
  readonly #rest: (done: number) => void;
  #steps: readonly Step[] = [];
  #plan = 0;
  #planned: readonly Step[] = [];

  /** `rest` is called, again and again, where other threads compute for long: it may wait a moment for more than `done` blocks. */
  constructor(views: Views, kernels: readonly KernelFunction[], slot: number, rest: (done: number) => void) {
    this.#views = views;
    this.#kernels = kernels;
    this.#slot = slot;
    this.#rest = rest;
  }

  /** Computes blocks of a job until all are claimed. */
  work(job: number): void {
    const { words } = this.#views;
    if (!this.#read(job)) return;
    for (let at = 0; at < this.#steps.length; at++) {
      const step = this.#steps[at] as Step;
      if (!this.waitFor(step.first, job)) return;
      let computed = 0;
      for (let i = 0; i < step.parts.length; i++) {
        const part = (this.#slot + i) % step.parts.length;
        for (let block = this.#claim(job, step, part); block >= 0; block = this.#claim(job, step, part)) {
          this.#compute(at, block);
          computed++;
        }
      }
      if (computed > 0 && Atomics.add(words, CONTROL.DONE, computed) + computed === words[CONTROL.BLOCKS])
        Atomics.notify(words, CONTROL.DONE);
    }
  }

  /** Reads what a job is. False where it may have ended meanwhile. */
  #read(job: number): boolean {
    const { words, numbers } = this.#views;
    const [count, plan] = [words[CONTROL.KERNELS], words[CONTROL.PLAN]] as [number, number];
    const steps = plan !== 0 && plan === this.#plan ? this.#planned : this.#stepsAt(plan === 0 ? KERNEL_AT : PLAN_AT, count);
    const scratch = (numbers[0] as number) + this.#slot * (numbers[1] as number);
    // not a mere load: what was read above must not come from later than this
    if (Atomics.or(words, CONTROL.CLAIMS, 0) >>> 16 !== job) return false;
    for (const { given } of steps) given[given.length - 1] = scratch;
    this.#steps = steps;
    if (plan !== 0) [this.#plan, this.#planned] = [plan, steps];
    return true;
  }

  #stepsAt(at: number, count: number): Step[] {
    const { words, numbers } = this.#views;
    const steps: Step[] = [];
    const claimed = new Array<number>(words[CONTROL.PARTS] as number).fill(0);
    for (let first = 0; steps.length < count; ) {
      const [kernel, blocks, size] = [numbers[at], numbers[at + 1], numbers[at + 2]] as [number, number, number];
      const given = Array.from(numbers.subarray(at + HEAD, at + HEAD + size));
      const parts = claimed.map((before, part) => {
        const [start, end] = [part, part + 1].map((one) => Math.ceil((one * blocks) / claimed.length)) as [number, number];
        claimed[part] = before + end - start;
        return { end: before + end - start, offset: start - before };
      });
      steps.push({ kernel: this.#kernels[kernel] as KernelFunction, given: [...given, 0, 0], first, parts });
      first += blocks;
      at += HEAD + size;
    }
    return steps;
  }

  /** Waits until so many blocks of a job are done. False where the job has ended. */
  waitFor(blocks: number, job: number): boolean {
    const { words } = this.#views;
    while (Atomics.load(words, CONTROL.JOB) === job) {
      let done = 0;
      for (let looks = LOOKS_IN_JOB; looks > 0; looks--) {
        done = Atomics.load(words, CONTROL.DONE);
        if (done >= blocks) return true;
      }
      this.#rest(done);
    }
    return false;
  }

  /** A block of a part, -1 where none is left. */
  #claim(job: number, { parts }: Step, part: number): number {
    const { words } = this.#views;
    const { end, offset } = parts[part] as Step['parts'][number];
    const word = CONTROL.CLAIMS + part * OF_PART;
    for (;;) {
      const claims = Atomics.load(words, word);
      const claimed = claims & 0xffff;
      if (claims >>> 16 !== job || claimed >= end) return -1;
      if (Atomics.compareExchange(words, word, claims, claims + 1) === claims) return claimed + offset;
    }
  }

  #compute(at: number, block: number): void {
    const { words, text } = this.#views;
    const { kernel, given } = this.#steps[at] as Step;
    given[given.length - 2] = block;
    try {
      kernel(...given);
    } catch (error) {
      if (Atomics.compareExchange(words, CONTROL.FAILED, 0, at + 1) === 0) note(text, String(error));
    }
  }
}

/** Looks for a while whether a word has changed. */
export function looksFor(words: Int32Array, index: number, value: number): boolean {
  for (let looks = LOOKS; looks > 0; looks--) if (Atomics.load(words, index) !== value) return true;
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
  const worker = new JobWorker(views, functions, slot, (done) => Atomics.wait(views.words, CONTROL.DONE, done, 1));
  ready();
  for (;;) {
    const job = Atomics.load(views.words, CONTROL.JOB);
    worker.work(job);
    if (Atomics.load(views.words, CONTROL.CLOSED)) return;
    if (looksFor(views.words, CONTROL.JOB, job)) continue;
    // counted first: who announces a job either sees it, or has changed the job before
    Atomics.add(views.words, CONTROL.SLEEPERS, 1);
    Atomics.wait(views.words, CONTROL.JOB, job);
    Atomics.sub(views.words, CONTROL.SLEEPERS, 1);
  }
}
