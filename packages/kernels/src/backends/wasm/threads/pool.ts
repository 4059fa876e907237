import { SsmError } from '@densessm/ssm-core';
import {
  CONTROL,
  HEAD,
  JobWorker,
  KERNEL_AT,
  type KernelFunction,
  MOST_BLOCKS,
  MOST_PARTS,
  OF_PART,
  PLAN_AT,
  type ThreadStart,
  type Views,
  viewsOf,
} from './thread';

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
  /** How long the caller looks on while no block is finished before a thread counts as dead. A block takes milliseconds. */
  patienceMs?: number;
}

/** A kernel of the module to be called once for each block, `kernel(...given, block, scratch)`. */
export interface BlockCalls {
  readonly kernel: string;
  readonly blocks: number;
  readonly given: readonly number[];
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
  readonly #patienceMs: number;
  readonly #worker: JobWorker;
  #helpers: Thread[] = [];
  #jobs = 0;
  /** Of what was played. */
  readonly #acts = new WeakMap<readonly BlockCalls[], readonly (readonly BlockCalls[])[]>();
  /** What lies in the place of the plan, and how many have lain there. */
  #planned: readonly BlockCalls[] | undefined;
  #plans = 0;
  /** Blocks that were done when the caller last saw more of them than before, when it last looked, and how long it has looked on since. */
  #progress = { done: 0, seen: 0, waited: 0 };

  private constructor({ exports }: SharedBuild, control: SharedArrayBuffer, threads: number, patienceMs: number) {
    this.#views = viewsOf(control);
    this.#views.words[CONTROL.PARTS] = Math.min(threads, MOST_PARTS);
    this.#kernels = new Map(Object.keys(exports).map((name, i) => [name, i]));
    this.#patienceMs = patienceMs;
    this.#worker = new JobWorker(this.#views, Object.values(exports) as KernelFunction[], 0, (done) => this.#rest(done));
  }

  /** Starts `threads − 1` workers and waits until they are ready. @throws SsmError BACKEND where one does not start. */
  static async start(build: SharedBuild, { spawn, threads, patienceMs = 20_000 }: ThreadPoolOptions): Promise<ThreadPool> {
    const control = new SharedArrayBuffer(CONTROL.SIZE);
    const pool = new ThreadPool(build, control, threads, patienceMs);
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
   * Calls a kernel once for each block, scratch being a place of `scratchBytes` that no other thread uses, of `threads` places from `scratch`
   * on. Returns when all are done.
   * @throws SsmError BACKEND where a block failed, or a thread ended in the middle of one.
   */
  run(call: BlockCalls, scratch: number, scratchBytes: number): void {
    this.#job([call], 0, scratch, scratchBytes);
  }

  /**
   * As {@link run} for kernels one after the other: threads go from one to the next by themselves. What is played again, the same array, costs no
   * preparation: leave it as it is.
   * @throws SsmError BACKEND as {@link run}
   */
  runAll(calls: readonly BlockCalls[], scratch: number, scratchBytes: number): void {
    for (const act of this.#actsOf(calls)) {
      if (act !== this.#planned) this.#plans++;
      this.#job(act, this.#plans, scratch, scratchBytes);
    }
  }

  /** Ends the workers; what is run from now on the caller computes alone. */
  close(): void {
    Atomics.store(this.#views.words, CONTROL.CLOSED, 1);
    this.#begin();
    this.#announce(this.#helpers.length);
    for (const helper of this.#helpers) helper.terminate();
    this.#helpers = [];
  }

  #job(calls: readonly BlockCalls[], plan: number, scratch: number, scratchBytes: number): void {
    const { words, numbers } = this.#views;
    const total = calls.reduce((sum, { blocks }) => sum + blocks, 0);
    if (total < 1 || total > MOST_BLOCKS) throw new RangeError(`${total} blocks`);
    this.#begin();
    if (plan === 0) this.#write(KERNEL_AT, calls);
    else if (calls !== this.#planned) this.#write(PLAN_AT, calls);
    if (plan !== 0) this.#planned = calls;
    words[CONTROL.BLOCKS] = total;
    words[CONTROL.KERNELS] = calls.length;
    words[CONTROL.PLAN] = plan;
    numbers[0] = scratch;
    numbers[1] = scratchBytes;
    words[CONTROL.FAILED] = 0;
    Atomics.store(words, CONTROL.DONE, 0);
    this.#progress = { done: -1, seen: 0, waited: 0 };
    this.#claims(0);
    this.#announce(total - 1);
    this.#worker.work(this.#jobs);
    this.#worker.waitFor(total, this.#jobs);
    const failed = calls[(words[CONTROL.FAILED] as number) - 1];
    if (failed) throw blockFailed(failed.kernel, this.#message());
  }

  /** From now on no thread claims anything of the job before, so what describes it may be replaced. */
  #begin(): void {
    this.#jobs = (this.#jobs + 1) & 0xffff;
    this.#claims(0xffff);
  }

  #claims(claimed: number): void {
    const { words } = this.#views;
    for (let part = 0; part < (words[CONTROL.PARTS] as number); part++)
      Atomics.store(words, CONTROL.CLAIMS + part * OF_PART, (this.#jobs << 16) | claimed);
  }

  #write(at: number, calls: readonly BlockCalls[]): void {
    const { numbers } = this.#views;
    for (const { kernel, blocks, given } of calls) {
      numbers.set([this.#kernels.get(kernel) ?? -1, blocks, given.length, ...given], at);
      at += HEAD + given.length;
    }
  }

  #announce(most: number): void {
    const { words } = this.#views;
    Atomics.store(words, CONTROL.JOB, this.#jobs);
    if (Atomics.load(words, CONTROL.SLEEPERS) > 0) Atomics.notify(words, CONTROL.JOB, Math.min(this.#helpers.length, most));
  }

  /** Sleeps for at most a millisecond, where the caller may, until more than `done` blocks are done. @throws SsmError BACKEND where none has been for too long */
  #rest(done: number): void {
    const now = performance.now();
    const { seen, waited } = this.#progress;
    // A process that was stopped has not looked on, however late it is when it goes on.
    const more = done === this.#progress.done ? waited + Math.min(now - seen, LONGEST_LOOK_MS) : 0;
    this.#progress = { done, seen: now, waited: more };
    if (more > this.#patienceMs) {
      this.close();
      throw threadIsGone((this.#views.words[CONTROL.BLOCKS] as number) - done, this.#patienceMs);
    }
    if (!maySleep) return;
    try {
      Atomics.wait(this.#views.words, CONTROL.DONE, done, 1);
    } catch {
      maySleep = false;
    }
  }

  /** What is played, in acts that are not too many blocks for one job nor too long for the place of the plan: mostly itself. */
  #actsOf(calls: readonly BlockCalls[]): readonly (readonly BlockCalls[])[] {
    const known = this.#acts.get(calls);
    if (known) return known;
    const room = this.#views.numbers.length - PLAN_AT;
    const acts: BlockCalls[][] = [];
    let [blocks, numbers] = [0, 0];
    for (const call of calls) {
      blocks += call.blocks;
      numbers += HEAD + call.given.length;
      if (acts.length === 0 || blocks > MOST_BLOCKS || numbers > room) {
        acts.push([]);
        [blocks, numbers] = [call.blocks, HEAD + call.given.length];
      }
      acts.at(-1)?.push(call);
    }
    this.#acts.set(calls, acts);
    return acts;
  }

  #message(): string {
    const { text } = this.#views;
    return String.fromCharCode(...text.subarray(0, text.indexOf(0)));
  }
}

/** Between two looks that follow one another; each waits for a millisecond. */
const LONGEST_LOOK_MS = 50;

/** The main thread of a page must not; asking each time would cost an exception. */
let maySleep = true;

const doesNotStart = (threads: number, cause: unknown): SsmError =>
  new SsmError(
    {
      code: 'BACKEND',
      what: 'threads: a worker did not start.',
      expected: `${threads - 1} workers beside this thread`,
      got: String(cause),
      fix: 'ask for fewer threads, or for 1',
    },
    { cause },
  );

const blockFailed = (kernel: string, got: string): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: `threads: a block of ${kernel} failed.`,
    expected: 'every block to be computed',
    got,
    fix: 'report it with the sizes of the tensors; one thread may show more',
  });

const threadIsGone = (missing: number, patienceMs: number): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: 'threads: a thread ended in the middle of its work.',
    expected: `every block within ${patienceMs / 1000} s`,
    got: `${missing} blocks missing; the result is not to be used`,
    fix: 'compute it again: from now on one thread works alone; start anew for more',
  });
