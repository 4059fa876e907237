import { type FastCall, type Kernel, type KernelOutput, specialize } from '@densessm/ssm-core';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { WasmBackend } from './heap';
import type { AnyWasmKernel } from './wasm-kernel';
import { runtimeFor, type WasmRuntime } from './wasm-runtime';

/** The fast version of a kernel on wasm. */
export interface WasmVersion {
  /** Name of the kernel. */
  readonly name: string;
  /** What it calls. */
  readonly calls: readonly AnyWasmKernel[];
  readonly specialize: () => void;
}

/** Declares the fast version of a kernel, on the runtime of the backend that it is called on. Outputs are freed where `run` fails. */
export const wasmVersion = <I extends object, O extends KernelOutput, A extends object>(
  kernel: Kernel<I, O, A>,
  calls: readonly AnyWasmKernel[],
  run: (runtime: WasmRuntime, inputs: I, attrs: A) => TensorInfo | TensorInfo[],
  supports: (inputs: I, attrs: A) => true | string = () => true,
): WasmVersion => ({ name: kernel.definition.name, calls, specialize: () => specializeOnWasm(kernel, run, supports) });

function specializeOnWasm<I extends object, O extends KernelOutput, A extends object>(
  kernel: Kernel<I, O, A>,
  run: (runtime: WasmRuntime, inputs: I, attrs: A) => TensorInfo | TensorInfo[],
  supports: (inputs: I, attrs: A) => true | string,
): void {
  specialize(kernel, 'wasm', {
    supports,
    run: ({ inputs, attrs, backend }: FastCall<I, A, WasmBackend>) => {
      const runtime = runtimeFor(backend);
      return runtime.heap.call(() => run(runtime, inputs, attrs));
    },
  });
}
