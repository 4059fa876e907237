import { SsmError } from '@densessm/ssm-core';
import { ARGUMENTS, CONTROL, type KernelFunction, looksFor, MOST_BLOCKS, type ThreadStart, type Views, viewsOf, work } from './thread';

/** A worker that a runtime has started. */
export interface Thread {
  /** Settles when the worker has called `ready`, or failed before that. */
  readonly ready: Promise<void>;
  /** Ends it at once. */
  terminate(): void;
}

/** Starts a worker that runs `serve` of {@link threadSource} with what it is given. It must not keep the process alive. */
export type Spawn = (start: ThreadStart) => Thread;

export interface ThreadPoolOptions {
  spawn: Spawn;
  /** Threads in all, the caller's among them. */
  threads: number;
  /** How long no block may be finished before a thread counts as dead. A block takes milliseconds. */
  patienceMs?: number;
}

/** The build and memory that all threads work with. */
export interface SharedBuild {
  readonly module: WebAssembly.Module;
  readonly exports: WebAssembly.Exports;
  readonly memory: WebAssembly.Memory;
}

/**
 * Threads that compute the blocks of one job at a time, the caller's own thread among them. Which thread computes a block makes no
 * difference to its result, so neither does their number. Between jobs they sleep. One that ends between jobs is not missed: the
 * others take its share. One that ends in the middle of a block makes the job an error, after which the caller works alone.
 */
export class ThreadPool {
  readonly #views: Views;
  readonly #kernels: ReadonlyMap<string, number>;
  readonly #functions: readonly KernelFunction[];
  readonly #patienceMs: number;
  #helpers: Thread[] = [];
  #jobs = 0;

  private constructor({ exports }: SharedBuild, control: SharedArrayBuffer, patienceMs: number) {
    this.#views = viewsOf(control);
    this.#kernels = new Map(Object.keys(exports).map((name, i) => [name, i]));
    this.#functions = Object.values(exports) as KernelFunction[];
    this.#patienceMs = patienceMs;
  }

  /** Starts `threads − 1` workers and waits until they are ready. @throws SsmError BACKEND where one does not start. */
  static async start(build: SharedBuild, { spawn, threads, patienceMs = 20_000 }: ThreadPoolOptions): Promise<ThreadPool> {
    const control = new SharedArrayBuffer(CONTROL.SIZE);
    const pool = new ThreadPool(build, control, patienceMs);
    const { module, memory } = build;
    try {
      for (let slot = 1; slot < threads; slot++)
        pool.#helpers.push(spawn({ control, memory, module, kernels: [...pool.#kernels.keys()], slot }));
      await Promise.all(pool.#helpers.map(({ ready }) => ready));
    } catch (cause) {
      pool.close();
      throw doesNotStart(threads, cause);
    }
    return pool;
  }

  /** Threads that take part, the caller's among them. */
  get threads(): number {
    return this.#helpers.length + 1;
  }

  /**
   * Calls a kernel of the module once for each block: `kernel(...given, block, scratch)`, scratch being a place of `scratchBytes` that
   * no other thread uses, of `threads` places from `scratch` on. Returns when all are done.
   * @throws SsmError BACKEND where a block failed, or a thread ended in the middle of one.
   */
  run(kernel: string, blocks: number, scratch: number, scratchBytes: number, given: readonly number[]): void {
    const { words, numbers } = this.#views;
    if (blocks < 1 || blocks > MOST_BLOCKS) throw new RangeError(`${blocks} blocks`);
    words[CONTROL.KERNEL] = this.#kernels.get(kernel) ?? -1;
    words[CONTROL.BLOCKS] = blocks;
    words[CONTROL.COUNT] = given.length;
    numbers[0] = scratch;
    numbers[1] = scratchBytes;
    for (let i = 0; i < given.length; i++) numbers[ARGUMENTS + i] = given[i] as number;
    words[CONTROL.FAILED] = 0;
    Atomics.store(words, CONTROL.DONE, 0);
    this.#announce(blocks);
    work(this.#views, this.#functions, 0);
    this.#join(blocks);
    if (words[CONTROL.FAILED]) throw blockFailed(kernel, this.#message());
  }

  /** Until `jobs` returns, threads wait awake for the next job: where many short ones come one after the other. */
  chain(jobs: () => void): void {
    const { words } = this.#views;
    Atomics.store(words, CONTROL.CHAIN, 1);
    try {
      jobs();
    } finally {
      Atomics.store(words, CONTROL.CHAIN, 0);
    }
  }

  /** Ends the workers; what is run from now on the caller computes alone. */
  close(): void {
    Atomics.store(this.#views.words, CONTROL.CLOSED, 1);
    this.#announce(0);
    for (const helper of this.#helpers) helper.terminate();
    this.#helpers = [];
  }

  #announce(blocks: number): void {
    this.#jobs = (this.#jobs + 1) & 0xffff;
    Atomics.store(this.#views.words, CONTROL.TICKET, (this.#jobs << 16) | blocks);
    if (Atomics.load(this.#views.words, CONTROL.SLEEPERS) === 0) return;
    const wanted = blocks === 0 ? this.#helpers.length : Math.min(this.#helpers.length, blocks - 1);
    if (wanted > 0) Atomics.notify(this.#views.words, CONTROL.TICKET, wanted);
  }

  #join(blocks: number): void {
    const { words } = this.#views;
    for (let done = Atomics.load(words, CONTROL.DONE); done < blocks; ) {
      const before = done;
      const end = performance.now() + this.#patienceMs;
      while (done === before && performance.now() < end) {
        waitForChange(words, CONTROL.DONE, before, end - performance.now());
        done = Atomics.load(words, CONTROL.DONE);
      }
      if (done !== before) continue;
      this.close();
      throw threadIsGone(blocks - done, this.#patienceMs);
    }
  }

  #message(): string {
    const { text } = this.#views;
    return String.fromCharCode(...text.subarray(0, text.indexOf(0)));
  }
}

/** The main thread of a page must not; asking each time would cost an exception. */
let maySleep = true;

/** Looks for a moment, since the last block is often nearly done, then sleeps where it may. */
function waitForChange(words: Int32Array, index: number, value: number, timeoutMs: number): void {
  if (looksFor(words, index, value)) return;
  try {
    if (maySleep) {
      Atomics.wait(words, index, value, timeoutMs);
      return;
    }
  } catch {
    maySleep = false;
  }
  const end = performance.now() + timeoutMs;
  while (Atomics.load(words, index) === value && performance.now() < end);
}

const doesNotStart = (threads: number, cause: unknown): SsmError =>
  new SsmError(
    {
      code: 'BACKEND',
      what: 'threads: a worker did not start.',
      expected: `${threads - 1} workers beside this thread`,
      got: String(cause),
      mend: 'ask for fewer threads, or for 1',
    },
    { cause },
  );

const blockFailed = (kernel: string, got: string): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: `threads: a block of ${kernel} failed.`,
    expected: 'every block to be computed',
    got,
    mend: 'report it with the sizes of the tensors; one thread may show more',
  });

const threadIsGone = (missing: number, patienceMs: number): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: 'threads: a thread ended in the middle of its work.',
    expected: `every block within ${patienceMs / 1000} s`,
    got: `${missing} blocks missing; the result is not to be used`,
    mend: 'compute it again: from now on one thread works alone; start anew for more',
  });
