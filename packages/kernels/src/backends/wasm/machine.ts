import type { Heap } from './heap';
import type { ThreadPool } from './threads/pool';
import { MOST_BLOCKS } from './threads/thread';

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
  /** Kernels one after the other, often: an array that stays what it is costs threads little between one kernel and the next. */
  readonly play: (calls: readonly KernelCall[]) => void;
}

/** One thread, or those of a pool where a kernel has more than one block. */
export function machineOn<Module extends object>(heap: Heap, module: Module, threads?: ThreadPool): Machine<Module> {
  const scratchFor = (bytes: number, places: number): readonly [address: number, bytes: number] => {
    const each = Math.ceil(bytes / CACHE_LINE) * CACHE_LINE;
    return [bytes > 0 ? heap.scratch(places * each) : 0, each];
  };
  const call = (one: KernelCall): void => {
    if (threads && one.blocks > 1 && one.blocks <= MOST_BLOCKS) {
      threads.run(one, ...scratchFor(one.scratchBytes, threads.threads));
      return;
    }
    const [scratch] = scratchFor(one.scratchBytes, 1);
    const compute = module[one.kernel as keyof Module] as Function;
    const all = [...one.given, 0, scratch];
    for (let block = 0; block < one.blocks; block++) {
      all[one.given.length] = block;
      compute(...all);
    }
  };
  return {
    heap,
    module,
    run: (kernel, blocks, scratchBytes, ...given) => call({ kernel, blocks, scratchBytes, given }),
    play: (calls) => {
      if (threads && calls.every(({ blocks }) => blocks <= MOST_BLOCKS)) {
        const most = Math.max(...calls.map(({ scratchBytes }) => scratchBytes));
        threads.play(calls, ...scratchFor(most, threads.threads));
      } else for (const one of calls) call(one);
    },
  };
}

/** Bytes that processors hand to each other as one. */
const CACHE_LINE = 64;
