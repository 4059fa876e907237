import { SsmError } from '@densessm/ssm-core';
import { addRuntime } from '../../backend-runtime';
import { replaceExp } from '../../operations/activations/wasm/kernel';
import { isShared, type LoadedBuild, loadBuild, type SimdBuild } from './build';
import { WasmDecodeProgram } from './decode/program';
import { Heap, type WasmBackend } from './heap';
import { PackedLinear } from './packed/packed-linear';
import { replaceIdentity } from './tfjs-patches/identity';
import { type ReadingBackend, replaceReading } from './tfjs-patches/reading';
import { replaceSums } from './tfjs-patches/reduce/kernel';
import { replaceSlice } from './tfjs-patches/slice';
import { replaceSplitAndConcat } from './tfjs-patches/strided-copy/kernel';
import { ThreadPool, type ThreadPoolOptions } from './threads/pool';
import { wasmKernels, wasmVersions } from './versions';
import { checkExports, type WasmExports } from './wasm-kernel';
import { WasmRuntime, wasmRuntimeOf } from './wasm-runtime';

export interface WasmKernelOptions {
  /** Which build to run; the fastest that passes its self-test where this is left out. */
  simd?: SimdBuild;
  /** Workers to share the work with, on a backend whose memory is shared; one thread where this is left out. */
  threads?: ThreadPoolOptions;
}
export interface WasmKernels {
  /** The kernels that are now fast. */
  names: string[];
  /** The build that runs. */
  simd: SimdBuild;
  /** Threads that run it. */
  threads: number;
}

/**
 * Registers our WebAssembly kernels for tfjs's wasm backend, on whose memory they work in place. Replaces some of tfjs's own as well:
 * Slice, Identity, Cast, SplitV and Concat, which copy too much, Sum and Mean, which round too much, Exp and reading a tensor, which are slow. See
 * {@link replaceSlice}, {@link replaceIdentity}, {@link replaceSplitAndConcat}, {@link replaceSums}, {@link replaceExp} and {@link replaceReading}.
 * Pass `findBackend('wasm')` once it has started; a later call may change the build and the threads.
 * @throws SsmError BACKEND where the backend is not tfjs's, the machine has no such SIMD, or threads do not start or have no shared memory.
 */
export async function registerWasmKernels(backend: unknown, options: WasmKernelOptions = {}): Promise<WasmKernels> {
  const wasmBackend = checkBackend(backend);
  const runtime = wasmRuntimeOf(wasmBackend) ?? begin(wasmBackend);
  const build = await load(wasmBackend, runtime, options.simd);
  const module = build.exports as unknown as WasmExports;
  for (const kernel of wasmKernels) checkExports(module, kernel);
  const pool = await startThreads(build, options.threads);
  runtime.use(module, pool);
  replaceTfjsKernels();
  for (const { specialize } of wasmVersions) specialize();
  return { names: wasmVersions.map(({ name }) => name), simd: build.simd, threads: pool?.threads ?? 1 };
}

function begin(wasmBackend: WasmBackend): WasmRuntime {
  const runtime = new WasmRuntime(new Heap(wasmBackend), PackedLinear.empty, (options) => new WasmDecodeProgram(options));
  addRuntime(wasmBackend, runtime);
  replaceReading(wasmBackend as unknown as ReadingBackend, runtime.heap);
  return runtime;
}

function replaceTfjsKernels(): void {
  replaceSlice();
  replaceIdentity();
  replaceSums();
  replaceExp();
  replaceSplitAndConcat();
}

/** Compiles a build once; a failure is not remembered, so that it can be tried again. */
function load(backend: WasmBackend, { builds }: WasmRuntime, simd: SimdBuild | undefined): Promise<LoadedBuild> {
  const loading = builds.get(simd) ?? loadBuild(memoryOf(backend) as WebAssembly.Memory, simd);
  builds.set(simd, loading);
  loading.catch(() => builds.delete(simd));
  return loading;
}

async function startThreads(build: LoadedBuild, options: ThreadPoolOptions | undefined): Promise<ThreadPool | undefined> {
  if (options === undefined || options.threads === 1) return undefined;
  if (isShared(build.memory)) return ThreadPool.start(build, options);
  throw new SsmError({
    code: 'BACKEND',
    what: 'registerWasmKernels: threads have no memory in common.',
    expected: 'a wasm backend on a shared WebAssembly.Memory',
    got: `${options.threads} threads for a backend on a memory of its own`,
    fix: 'start the backend through a runtime package with `threads`, or leave the threads out',
  });
}

const memoryOf = (backend: unknown): unknown => (backend as Partial<WasmBackend> | null | undefined)?.wasm?.asm?.memory;

function checkBackend(backend: unknown): WasmBackend {
  if (memoryOf(backend) instanceof WebAssembly.Memory) return backend as WasmBackend;
  throw new SsmError({
    code: 'BACKEND',
    what: 'registerWasmKernels: this backend has no memory to work on.',
    expected: "tfjs's wasm backend, version 4.22, without threads",
    got: backend === null || backend === undefined ? String(backend) : `a ${(backend as object).constructor?.name ?? typeof backend}`,
    fix: "await setBackend('wasm'), then pass findBackend('wasm')",
  });
}
