import type { ThreadPool } from '../threads/pool';
import { MOST_BLOCKS } from '../threads/thread';
import type { Heap } from './heap';

type Function = (...numbers: number[]) => unknown;

/** A kernel with all that it is given: see {@link Machine.run}. */
export interface KernelCall {
  readonly kernel: string;
  readonly blocks: number;
  readonly scratchBytes: number;
  readonly given: readonly number[];
}

/** Where our kernels run: the memory, what the build exports on it, and how a kernel is called. */
export interface Machine<Module extends object> {
  readonly heap: Heap;
  readonly module: Module;
  /**
   * Computes all blocks of a kernel, `module[kernel](...given, block, scratch)` for each, with `scratchBytes` of scratch that no other block uses
   * meanwhile. Into how many blocks a kernel cuts its work must depend on sizes alone, and no two of them may write to one place: then
   * results are the same with any number of threads.
   */
  readonly run: (kernel: keyof Module & string, blocks: number, scratchBytes: number, ...given: number[]) => void;
  /** Many short kernels, and functions of the host, one after the other: between them threads stay awake. */
  readonly play: (steps: readonly (KernelCall | (() => void))[]) => void;
}

/** One thread, or those of a pool where a kernel has more than one block. */
export function machineOn<Module extends object>(heap: Heap, module: Module, threads?: ThreadPool): Machine<Module> {
  const call = ({ kernel, blocks, scratchBytes, given }: KernelCall): void => {
    const pool = blocks > 1 && blocks <= MOST_BLOCKS ? threads : undefined;
    const each = Math.ceil(scratchBytes / CACHE_LINE) * CACHE_LINE;
    const scratch = scratchBytes > 0 ? heap.scratch((pool?.threads ?? 1) * each) : 0;
    if (pool) {
      pool.run(kernel, blocks, scratch, each, given);
      return;
    }
    const compute = module[kernel as keyof Module] as Function;
    const all = [...given, 0, scratch];
    for (let block = 0; block < blocks; block++) {
      all[given.length] = block;
      compute(...all);
    }
  };
  const playAll = (steps: readonly (KernelCall | (() => void))[]): void => {
    for (const step of steps) typeof step === 'function' ? step() : call(step);
  };
  return {
    heap,
    module,
    run: (kernel, blocks, scratchBytes, ...given) => call({ kernel, blocks, scratchBytes, given }),
    play: (steps) => (threads ? threads.chain(() => playAll(steps)) : playAll(steps)),
  };
}

/** Bytes that processors hand to each other as one. */
const CACHE_LINE = 64;
