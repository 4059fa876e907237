import { type FastCall, type Kernel, type KernelOutput, SsmError, specialize } from '@densessm/ssm-core';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { provideDecodePrograms } from '../../decode/backends';
import { siluGrad, siluKernel } from '../../operations/activations/silu';
import { siluGate, siluGateGrad } from '../../operations/activations/silu-gate';
import { softplusGrad, softplusKernel } from '../../operations/activations/softplus';
import {
  type ActivationsModule,
  replaceExp,
  siluGateGradOnWasm,
  siluGateOnWasm,
  siluGradOnWasm,
  siluOnWasm,
  softplusGradOnWasm,
  softplusOnWasm,
} from '../../operations/activations/wasm/kernel';
import { adamwStep } from '../../operations/adamw-step/kernel';
import { type AdamwStepModule, adamwStepOnWasm } from '../../operations/adamw-step/wasm/kernel';
import { causalConv1dGrad } from '../../operations/causal-conv1d/gradient';
import { causalConv1d } from '../../operations/causal-conv1d/kernel';
import { type CausalConv1dModule, causalConv1dGradOnWasm, causalConv1dOnWasm } from '../../operations/causal-conv1d/wasm/kernel';
import { crossEntropyGrad } from '../../operations/cross-entropy/gradient';
import { crossEntropy } from '../../operations/cross-entropy/kernel';
import { type CrossEntropyModule, crossEntropyGradOnWasm, crossEntropyOnWasm } from '../../operations/cross-entropy/wasm/kernel';
import { decayScanGrad } from '../../operations/decay-scan/gradient';
import { decayScan } from '../../operations/decay-scan/kernel';
import { type DecayScanModule, decayScanGradOnWasm, decayScanOnWasm } from '../../operations/decay-scan/wasm/kernel';
import { embedding, embeddingGrad } from '../../operations/embedding/kernel';
import { type EmbeddingModule, embeddingGradOnWasm, embeddingOnWasm } from '../../operations/embedding/wasm/kernel';
import { linearCrossEntropyKernel } from '../../operations/linear-cross-entropy/kernel';
import { linearCrossEntropyOnWasm } from '../../operations/linear-cross-entropy/wasm/kernel';
import { matMul } from '../../operations/matmul/kernel';
import { type MatMulModule, matMulOnWasm } from '../../operations/matmul/wasm/kernel';
import { rmsNormGrad } from '../../operations/rms-norm/gradient';
import { rmsNorm } from '../../operations/rms-norm/kernel';
import { type RmsNormModule, rmsNormGradOnWasm, rmsNormOnWasm } from '../../operations/rms-norm/wasm/kernel';
import { selectiveScanGrad, selectiveScanGradOfC } from '../../operations/selective-scan/gradient';
import { selectiveScan } from '../../operations/selective-scan/kernel';
import {
  type SelectiveScanModule,
  selectiveScanGradOfCOnWasm,
  selectiveScanGradOnWasm,
  selectiveScanOnWasm,
} from '../../operations/selective-scan/wasm/kernel';
import { squareSum } from '../../operations/square-sum/kernel';
import { type SquareSumModule, squareSumOnWasm } from '../../operations/square-sum/wasm/kernel';
import { isShared, type LoadedBuild, loadBuild, type SimdBuild } from './build';
import type { DecodeModule } from './decode/module';
import { WasmDecodeProgram } from './decode/program';
import { Heap, type WasmBackend } from './heap';
import { type Machine, machineOn } from './machine';
import { rememberMachine } from './machines';
import { replaceIdentity } from './tfjs-patches/identity';
import { type ReadingBackend, replaceReading } from './tfjs-patches/reading';
import { type ReduceModule, replaceSums } from './tfjs-patches/reduce/kernel';
import { replaceSlice } from './tfjs-patches/slice';
import { replaceSplitAndConcat, type StridedCopyModule } from './tfjs-patches/strided-copy/kernel';
import { ThreadPool, type ThreadPoolOptions } from './threads/pool';

type Module = MatMulModule &
  EmbeddingModule &
  ReduceModule &
  SelectiveScanModule &
  DecayScanModule &
  ActivationsModule &
  CausalConv1dModule &
  RmsNormModule &
  StridedCopyModule &
  CrossEntropyModule &
  AdamwStepModule &
  SquareSumModule &
  DecodeModule;

/** What runs on a backend: one heap, a module for each build that was asked for, and the threads of the last call. */
interface Running {
  readonly heap: Heap;
  readonly builds: Map<SimdBuild | undefined, Promise<LoadedBuild>>;
  pool?: ThreadPool;
}

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

const running = new WeakMap<object, Running>();

/**
 * Registers our WebAssembly kernels for tfjs's wasm backend, on whose memory they work in place. Replaces some of tfjs's own as well:
 * Slice, Identity, Cast, SplitV and Concat, which copy too much, Sum and Mean, which round too much, Exp and reading a tensor, which are slow. See
 * {@link replaceSlice}, {@link replaceIdentity}, {@link replaceSplitAndConcat}, {@link replaceSums}, {@link replaceExp} and {@link replaceReading}.
 * Pass `findBackend('wasm')` once it has started; a later call may change the build and the threads.
 * @throws SsmError BACKEND where the backend is not tfjs's, the machine has no such SIMD, or threads do not start or have no shared memory.
 */
export async function registerWasmKernels(backend: unknown, options: WasmKernelOptions = {}): Promise<WasmKernels> {
  const wasmBackend = checkBackend(backend);
  const here = running.get(wasmBackend) ?? begin(wasmBackend);
  const build = await load(wasmBackend, here, options.simd);
  const pool = await startThreads(build, options.threads);
  here.pool?.close();
  here.pool = pool;
  const machine = machineOn(here.heap, build.exports as unknown as Module, pool);
  rememberMachine(wasmBackend, machine);
  provideDecodePrograms(wasmBackend, (options) => new WasmDecodeProgram(options));
  return { names: registerOn(wasmBackend, machine), simd: build.simd, threads: pool?.threads ?? 1 };
}

function begin(wasmBackend: WasmBackend): Running {
  const here = { heap: new Heap(wasmBackend), builds: new Map() };
  replaceReading(wasmBackend as unknown as ReadingBackend, here.heap);
  running.set(wasmBackend, here);
  return here;
}

function registerOn(wasmBackend: WasmBackend, machine: Machine<Module>): string[] {
  const { heap, module } = machine;
  replaceSlice();
  replaceIdentity();
  replaceSums(wasmBackend, heap, module);
  replaceExp(wasmBackend, machine);
  replaceSplitAndConcat(wasmBackend, machine);
  return [
    specializeOnWasm(heap, matMul, matMulOnWasm(machine)),
    specializeOnWasm(heap, embedding, embeddingOnWasm(heap, module)),
    specializeOnWasm(heap, embeddingGrad, embeddingGradOnWasm(machine)),
    specializeOnWasm(heap, siluKernel, siluOnWasm(machine)),
    specializeOnWasm(heap, siluGrad, siluGradOnWasm(machine)),
    specializeOnWasm(heap, siluGate, siluGateOnWasm(machine)),
    specializeOnWasm(heap, siluGateGrad, siluGateGradOnWasm(machine)),
    specializeOnWasm(heap, softplusKernel, softplusOnWasm(machine)),
    specializeOnWasm(heap, softplusGrad, softplusGradOnWasm(machine)),
    specializeOnWasm(heap, causalConv1d, causalConv1dOnWasm(machine)),
    specializeOnWasm(heap, causalConv1dGrad, causalConv1dGradOnWasm(machine)),
    specializeOnWasm(heap, rmsNorm, rmsNormOnWasm(machine)),
    specializeOnWasm(heap, rmsNormGrad, rmsNormGradOnWasm(machine)),
    specializeOnWasm(heap, crossEntropy, crossEntropyOnWasm(machine)),
    specializeOnWasm(heap, crossEntropyGrad, crossEntropyGradOnWasm(machine)),
    specializeOnWasm(heap, linearCrossEntropyKernel, linearCrossEntropyOnWasm(machine)),
    specializeOnWasm(heap, selectiveScan, selectiveScanOnWasm(machine)),
    specializeOnWasm(heap, selectiveScanGrad, selectiveScanGradOnWasm(machine)),
    specializeOnWasm(heap, selectiveScanGradOfC, selectiveScanGradOfCOnWasm(machine)),
    specializeOnWasm(heap, decayScan, decayScanOnWasm(machine)),
    specializeOnWasm(heap, decayScanGrad, decayScanGradOnWasm(machine)),
    specializeOnWasm(heap, adamwStep, adamwStepOnWasm(machine)),
    specializeOnWasm(heap, squareSum, squareSumOnWasm(heap, module)),
  ];
}

function specializeOnWasm<I extends object, O extends KernelOutput, A extends object>(
  heap: Heap,
  kernel: Kernel<I, O, A>,
  fast: (inputs: I, attrs: A) => TensorInfo | TensorInfo[],
): string {
  specialize(kernel, 'wasm', {
    supports: () => true,
    run: ({ inputs, attrs, backend }: FastCall<I, A, WasmBackend>) => {
      heap.check(backend);
      return heap.call(() => fast(inputs, attrs));
    },
  });
  return kernel.definition.name;
}

/** Compiles a build once; a failure is not remembered, so that it can be tried again. */
function load(backend: WasmBackend, { builds }: Running, simd: SimdBuild | undefined): Promise<LoadedBuild> {
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
