import type { ThreadPool } from '../threads/pool';
import { MOST_BLOCKS } from '../threads/thread';
import type { Heap } from './heap';

type Function = (...numbers: number[]) => unknown;

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
  /** Calls `kernels`, which runs many short kernels: until it returns, threads wait for the next one awake. */
  readonly chain: (kernels: () => void) => void;
}

/** One thread, or those of a pool where a kernel has more than one block. */
export function machineOn<Module extends object>(heap: Heap, module: Module, threads?: ThreadPool): Machine<Module> {
  const run: Machine<Module>['run'] = (kernel, blocks, scratchBytes, ...given) => {
    const pool = blocks > 1 && blocks <= MOST_BLOCKS ? threads : undefined;
    const each = Math.ceil(scratchBytes / CACHE_LINE) * CACHE_LINE;
    const scratch = scratchBytes > 0 ? heap.scratch((pool?.threads ?? 1) * each) : 0;
    if (pool) return pool.run(kernel, blocks, scratch, each, given);
    const compute = module[kernel] as Function;
    for (let block = 0; block < blocks; block++) compute(...given, block, scratch);
  };
  return { heap, module, run, chain: (kernels) => (threads ? threads.chain(kernels) : kernels()) };
}

/** Bytes that processors hand to each other as one. */
const CACHE_LINE = 64;
