import { type FastCall, type Kernel, type KernelOutput, SsmError, specialise } from '@densessm/ssm-core';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { siluGrad, siluKernel } from '../activations/silu';
import { type ActivationsModule, replaceExponentials, siluGradOnWasm, siluOnWasm } from '../activations/wasm';
import { causalConv1dGrad } from '../causal-conv1d/gradient';
import { causalConv1d } from '../causal-conv1d/kernel';
import { type CausalConv1dModule, causalConv1dGradOnWasm, causalConv1dOnWasm } from '../causal-conv1d/wasm';
import { crossEntropyGrad } from '../cross-entropy/gradient';
import { crossEntropy } from '../cross-entropy/kernel';
import { type CrossEntropyModule, crossEntropyGradOnWasm, crossEntropyOnWasm } from '../cross-entropy/wasm';
import { embedding, embeddingGrad } from '../embedding/kernel';
import { type EmbeddingModule, embeddingGradOnWasm, embeddingOnWasm } from '../embedding/wasm';
import { matMul } from '../matmul/kernel';
import { type MatMulModule, matMulOnWasm } from '../matmul/wasm';
import { type ReduceModule, replaceSums } from '../reduce/wasm';
import { rmsNormGrad } from '../rms-norm/gradient';
import { rmsNorm } from '../rms-norm/kernel';
import { type RmsNormModule, rmsNormGradOnWasm, rmsNormOnWasm } from '../rms-norm/wasm';
import { selectiveScanGrad } from '../selective-scan/gradient';
import { selectiveScan } from '../selective-scan/kernel';
import { type SelectiveScanModule, selectiveScanGradOnWasm, selectiveScanOnWasm } from '../selective-scan/wasm';
import { replaceSplitAndConcat, type StridedCopyModule } from '../strided-copy/wasm';
import { loadBuild, type SimdBuild } from './build';
import { Heap, type WasmBackend } from './heap';
import { replaceIdentity } from './identity';
import { replaceSlice } from './slice';

type Module = MatMulModule &
  EmbeddingModule &
  ReduceModule &
  SelectiveScanModule &
  ActivationsModule &
  CausalConv1dModule &
  RmsNormModule &
  StridedCopyModule &
  CrossEntropyModule;

interface Started {
  heap: Heap;
  module: Module;
  simd: SimdBuild;
}

export interface WasmKernelOptions {
  /** Which build to run; the fastest that passes its self-test where this is left out. */
  simd?: SimdBuild;
}
export interface WasmKernels {
  /** The kernels that are now fast. */
  names: string[];
  /** The build that runs. */
  simd: SimdBuild;
}

/** One heap per backend and one module per build, however often it is registered. */
const started = new WeakMap<object, { heap: Heap; builds: Map<SimdBuild | undefined, Promise<Started>> }>();

/**
 * Registers our WebAssembly kernels for tfjs's wasm backend, on whose memory they work in place. Replaces some of tfjs's own as well:
 * Slice, Identity, SplitV and Concat, which copy too much, Sum and Mean, which round too much, and Exp and Softplus, which are slow. See
 * {@link replaceSlice}, {@link replaceIdentity}, {@link replaceSplitAndConcat}, {@link replaceSums} and {@link replaceExponentials}.
 * Pass `findBackend('wasm')` once it has started; a later call may change the build.
 * @throws SsmError BACKEND where the backend is not tfjs's, runs with threads, or the machine has no such SIMD.
 */
export async function registerWasmKernels(backend: unknown, { simd: wish }: WasmKernelOptions = {}): Promise<WasmKernels> {
  const wasmBackend = checkBackend(backend);
  const { heap, module, simd } = await start(wasmBackend, wish);
  replaceSlice();
  replaceIdentity();
  replaceSums(wasmBackend, heap, module);
  replaceExponentials(wasmBackend, heap, module);
  replaceSplitAndConcat(wasmBackend, heap, module);
  const names = [
    onHeap(heap, matMul, matMulOnWasm(heap, module)),
    onHeap(heap, embedding, embeddingOnWasm(heap, module)),
    onHeap(heap, embeddingGrad, embeddingGradOnWasm(heap, module)),
    onHeap(heap, siluKernel, siluOnWasm(heap, module)),
    onHeap(heap, siluGrad, siluGradOnWasm(heap, module)),
    onHeap(heap, causalConv1d, causalConv1dOnWasm(heap, module)),
    onHeap(heap, causalConv1dGrad, causalConv1dGradOnWasm(heap, module)),
    onHeap(heap, rmsNorm, rmsNormOnWasm(heap, module)),
    onHeap(heap, rmsNormGrad, rmsNormGradOnWasm(heap, module)),
    onHeap(heap, crossEntropy, crossEntropyOnWasm(heap, module)),
    onHeap(heap, crossEntropyGrad, crossEntropyGradOnWasm(heap, module)),
    onHeap(heap, selectiveScan, selectiveScanOnWasm(heap, module)),
    onHeap(heap, selectiveScanGrad, selectiveScanGradOnWasm(heap, module)),
  ];
  return { names, simd };
}

function onHeap<I extends object, O extends KernelOutput, A extends object>(
  heap: Heap,
  kernel: Kernel<I, O, A>,
  fast: (inputs: I, attrs: A) => TensorInfo | TensorInfo[],
): string {
  specialise(kernel, 'wasm', ({ inputs, attrs, backend }: FastCall<I, A, WasmBackend>) => {
    heap.check(backend);
    return fast(inputs, attrs);
  });
  return kernel.definition.name;
}

function start(backend: WasmBackend, wish: SimdBuild | undefined): Promise<Started> {
  const here = started.get(backend) ?? { heap: new Heap(backend), builds: new Map() };
  started.set(backend, here);
  const running = here.builds.get(wish) ?? load(backend, here.heap, wish);
  here.builds.set(wish, running);
  running.catch(() => here.builds.delete(wish));
  return running;
}

async function load(backend: WasmBackend, heap: Heap, wish: SimdBuild | undefined): Promise<Started> {
  const { exports, simd } = await loadBuild(memoryOf(backend) as WebAssembly.Memory, wish);
  return { heap, module: exports as unknown as Module, simd };
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
