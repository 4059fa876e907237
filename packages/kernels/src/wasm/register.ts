import { type FastCall, type Kernel, type KernelOutput, SsmError, specialise } from '@densessm/ssm-core';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { siluGrad, siluKernel } from '../activations/silu';
import { siluGate, siluGateGrad } from '../activations/silu-gate';
import { softplusGrad, softplusKernel } from '../activations/softplus';
import {
  type ActivationsModule,
  replaceExp,
  siluGateGradOnWasm,
  siluGateOnWasm,
  siluGradOnWasm,
  siluOnWasm,
  softplusGradOnWasm,
  softplusOnWasm,
} from '../activations/wasm';
import { adamwStep } from '../adamw-step/kernel';
import { type AdamwStepModule, adamwStepOnWasm } from '../adamw-step/wasm';
import { causalConv1dGrad } from '../causal-conv1d/gradient';
import { causalConv1d } from '../causal-conv1d/kernel';
import { type CausalConv1dModule, causalConv1dGradOnWasm, causalConv1dOnWasm } from '../causal-conv1d/wasm';
import { crossEntropyGrad } from '../cross-entropy/gradient';
import { crossEntropy } from '../cross-entropy/kernel';
import { type CrossEntropyModule, crossEntropyGradOnWasm, crossEntropyOnWasm } from '../cross-entropy/wasm';
import { decayScanGrad } from '../decay-scan/gradient';
import { decayScan } from '../decay-scan/kernel';
import { type DecayScanModule, decayScanGradOnWasm, decayScanOnWasm } from '../decay-scan/wasm';
import type { DecodeModule } from '../decode/module';
import { embedding, embeddingGrad } from '../embedding/kernel';
import { type EmbeddingModule, embeddingGradOnWasm, embeddingOnWasm } from '../embedding/wasm';
import { linearCrossEntropyKernel } from '../linear-cross-entropy/kernel';
import { linearCrossEntropyOnWasm } from '../linear-cross-entropy/wasm';
import { matMul } from '../matmul/kernel';
import { type MatMulModule, matMulOnWasm } from '../matmul/wasm';
import { type ReduceModule, replaceSums } from '../reduce/wasm';
import { rmsNormGrad } from '../rms-norm/gradient';
import { rmsNorm } from '../rms-norm/kernel';
import { type RmsNormModule, rmsNormGradOnWasm, rmsNormOnWasm } from '../rms-norm/wasm';
import { selectiveScanGrad, selectiveScanGradOfC } from '../selective-scan/gradient';
import { selectiveScan } from '../selective-scan/kernel';
import { type SelectiveScanModule, selectiveScanGradOfCOnWasm, selectiveScanGradOnWasm, selectiveScanOnWasm } from '../selective-scan/wasm';
import { squareSum } from '../square-sum/kernel';
import { type SquareSumModule, squareSumOnWasm } from '../square-sum/wasm';
import { replaceSplitAndConcat, type StridedCopyModule } from '../strided-copy/wasm';
import { ThreadPool, type ThreadPoolOptions } from '../threads/pool';
import { isShared, type LoadedBuild, loadBuild, type SimdBuild } from './build';
import { Heap, type WasmBackend } from './heap';
import { replaceIdentity } from './identity';
import { type Machine, machineOn } from './machine';
import { rememberMachine } from './machines';
import { type ReadingBackend, replaceReading } from './reading';
import { replaceSlice } from './slice';

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
    onHeap(heap, matMul, matMulOnWasm(machine)),
    onHeap(heap, embedding, embeddingOnWasm(heap, module)),
    onHeap(heap, embeddingGrad, embeddingGradOnWasm(machine)),
    onHeap(heap, siluKernel, siluOnWasm(machine)),
    onHeap(heap, siluGrad, siluGradOnWasm(machine)),
    onHeap(heap, siluGate, siluGateOnWasm(machine)),
    onHeap(heap, siluGateGrad, siluGateGradOnWasm(machine)),
    onHeap(heap, softplusKernel, softplusOnWasm(machine)),
    onHeap(heap, softplusGrad, softplusGradOnWasm(machine)),
    onHeap(heap, causalConv1d, causalConv1dOnWasm(machine)),
    onHeap(heap, causalConv1dGrad, causalConv1dGradOnWasm(machine)),
    onHeap(heap, rmsNorm, rmsNormOnWasm(machine)),
    onHeap(heap, rmsNormGrad, rmsNormGradOnWasm(machine)),
    onHeap(heap, crossEntropy, crossEntropyOnWasm(machine)),
    onHeap(heap, crossEntropyGrad, crossEntropyGradOnWasm(machine)),
    onHeap(heap, linearCrossEntropyKernel, linearCrossEntropyOnWasm(machine)),
    onHeap(heap, selectiveScan, selectiveScanOnWasm(machine)),
    onHeap(heap, selectiveScanGrad, selectiveScanGradOnWasm(machine)),
    onHeap(heap, selectiveScanGradOfC, selectiveScanGradOfCOnWasm(machine)),
    onHeap(heap, decayScan, decayScanOnWasm(machine)),
    onHeap(heap, decayScanGrad, decayScanGradOnWasm(machine)),
    onHeap(heap, adamwStep, adamwStepOnWasm(machine)),
    onHeap(heap, squareSum, squareSumOnWasm(heap, module)),
  ];
}

function onHeap<I extends object, O extends KernelOutput, A extends object>(
  heap: Heap,
  kernel: Kernel<I, O, A>,
  fast: (inputs: I, attrs: A) => TensorInfo | TensorInfo[],
): string {
  specialise(kernel, 'wasm', ({ inputs, attrs, backend }: FastCall<I, A, WasmBackend>) => {
    heap.check(backend);
    return heap.call(() => fast(inputs, attrs));
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
    mend: 'start the backend through a runtime package with `threads`, or leave the threads out',
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
    mend: "await setBackend('wasm'), then pass findBackend('wasm')",
  });
}
