import { SsmError, type WeightType } from '@densessm/ssm-core';
import { getBackend, type TensorInfo } from '@tensorflow/tfjs-core';
import { type BackendRuntime, runtimeOf } from '../../backend-runtime';
import type { MakeDecodeProgram } from '../../decode/program';
import type { Fields } from '../../kernel-fields';
import type { EmptyMatrix } from '../../packed/empty-matrix';
import type { LoadedBuild, SimdBuild } from './build';
import type { Heap } from './heap';
import { PrefetchTuner } from './packed/prefetch';
import type { ThreadPool } from './threads/pool';
import { MOST_BLOCKS } from './threads/thread';
import type { WasmArguments, WasmExports, WasmKernel } from './wasm-kernel';

/** A kernel with all that it is given, to be called now or often: see {@link WasmRuntime.runAll}. */
export interface KernelCall {
  readonly kernel: string;
  readonly blocks: number;
  readonly scratchBytes: number;
  readonly given: readonly number[];
}

/** Bytes that processors hand to each other as one. */
const CACHE_LINE = 64;

/**
 * Where our kernels run on one of tfjs's wasm backends: its memory, the build that runs on it, and its threads. Into how many blocks a kernel cuts
 * its work must depend on sizes alone, and no two blocks may write to one place: then results are the same with any number of threads.
 */
export class WasmRuntime implements BackendRuntime {
  readonly heap: Heap;
  readonly emptyMatrix: EmptyMatrix;
  readonly decodeProgram: MakeDecodeProgram;
  /** A module for each build that was asked for. */
  readonly builds = new Map<SimdBuild | undefined, Promise<LoadedBuild>>();
  readonly #prefetch = new Map<WeightType, PrefetchTuner>();
  #module: WasmExports = {};
  #threads: ThreadPool | undefined;

  constructor(heap: Heap, emptyMatrix: EmptyMatrix, decodeProgram: MakeDecodeProgram) {
    this.heap = heap;
    this.emptyMatrix = emptyMatrix;
    this.decodeProgram = decodeProgram;
  }

  /** What the build in use exports. */
  get module(): WasmExports {
    return this.#module;
  }

  /** Runs a build from now on, on the threads of a pool if there is one; the pool before is closed. */
  use(module: WasmExports, threads?: ThreadPool): void {
    this.#threads?.close();
    this.#module = module;
    this.#threads = threads;
  }

  /** Computes a kernel: all of its blocks, each with scratch that no other block uses meanwhile. */
  run<F extends Fields>(kernel: WasmKernel<F>, args: WasmArguments<F>): void {
    if (kernel.blocks) this.#call(this.callOf(kernel, args));
    else this.#export(kernel.name)(...this.#numbersOf(kernel, args));
  }

  /** The call that {@link run} makes, to be made later: addresses must stay what they are. */
  callOf<F extends Fields>(kernel: WasmKernel<F>, args: WasmArguments<F>): KernelCall {
    const { name, scratch } = kernel;
    const scratchBytes = scratch ? this.#size(scratch, args) >>> 0 : 0;
    return { kernel: name, blocks: this.blocksOf(kernel, args), scratchBytes, given: this.#numbersOf(kernel, args) };
  }

  /** Into how many blocks a kernel cuts its work. */
  blocksOf<F extends Fields>({ blocks }: WasmKernel<F>, args: Partial<WasmArguments<F>>): number {
    return blocks ? this.#size(blocks, args) : 1;
  }

  /** Computes kernels one after the other. The same array again costs no preparation, and threads go from kernel to kernel by themselves. */
  runAll(calls: readonly KernelCall[]): void {
    const threads = this.#threads;
    if (threads && calls.every(({ blocks }) => blocks <= MOST_BLOCKS)) {
      const most = Math.max(...calls.map(({ scratchBytes }) => scratchBytes));
      threads.runAll(calls, ...this.#scratchFor(most, threads.threads));
    } else for (const one of calls) this.#call(one);
  }

  /** How kernels that read weights of a type once, from first to last, prefetch them. @throws SsmError BACKEND where the heap has no room */
  prefetchOf(type: WeightType): PrefetchTuner {
    const tuner = this.#prefetch.get(type) ?? new PrefetchTuner(this.heap);
    this.#prefetch.set(type, tuner);
    return tuner;
  }

  #call(call: KernelCall): void {
    const threads = this.#threads;
    if (threads && call.blocks > 1 && call.blocks <= MOST_BLOCKS) {
      threads.run(call, ...this.#scratchFor(call.scratchBytes, threads.threads));
      return;
    }
    const compute = this.#export(call.kernel);
    const all = [...call.given, 0, this.#scratchFor(call.scratchBytes, 1)[0]];
    for (let block = 0; block < call.blocks; block++) {
      all[call.given.length] = block;
      compute(...all);
    }
  }

  #scratchFor(bytes: number, places: number): readonly [address: number, bytes: number] {
    const each = Math.ceil(bytes / CACHE_LINE) * CACHE_LINE;
    return [bytes > 0 ? this.heap.scratch(places * each) : 0, each];
  }

  #size([name, ...given]: readonly [string, ...string[]], args: object): number {
    return this.#export(name)(...given.map((field) => (args as Record<string, number>)[field] as number));
  }

  #export(name: string): (...numbers: number[]) => number {
    return this.#module[name] as (...numbers: number[]) => number;
  }

  /** The arguments in the order of the fields: tensors as addresses, 0 for one that is left out. */
  #numbersOf<F extends Fields>({ fields }: WasmKernel<F>, args: WasmArguments<F>): number[] {
    const numbers: number[] = [];
    for (const name in fields) {
      const argument = (args as Record<string, TensorInfo | number | boolean | undefined>)[name];
      numbers.push(typeof argument === 'object' ? this.heap.address(argument) : Number(argument ?? 0));
    }
    return numbers;
  }
}

/** Where our kernels run on a wasm backend, the backend in use unless given; undefined where they do not. */
export function wasmRuntimeOf(backend?: object): WasmRuntime | undefined {
  const runtime = runtimeOf(backend);
  return runtime instanceof WasmRuntime ? runtime : undefined;
}

/** Where our kernels run on the backend in use. @throws SsmError BACKEND where they do not */
export function currentRuntime(where: string): WasmRuntime {
  const runtime = wasmRuntimeOf();
  if (runtime) return runtime;
  throw new SsmError({
    code: 'BACKEND',
    what: `${where}: the backend in use does not run our WebAssembly.`,
    expected: "tfjs's wasm backend, with our kernels registered",
    got: getBackend(),
    fix: "startBackend({ device: 'wasm' }) of a runtime package, or registerWasmKernels(findBackend('wasm'))",
  });
}

/** The runtime of the backend that tfjs calls a kernel on. @throws SsmError BACKEND where the backend was replaced by one without our kernels */
export function runtimeFor(backend: object): WasmRuntime {
  const runtime = wasmRuntimeOf(backend);
  if (runtime) return runtime;
  throw new SsmError({
    code: 'BACKEND',
    what: 'wasm: the fast kernels belong to another backend.',
    expected: 'the backend they were registered for',
    got: 'one that replaced it',
    fix: 'call registerWasmKernels(backend) after each start of the wasm backend',
  });
}
