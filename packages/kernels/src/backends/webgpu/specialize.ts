import { type FastCall, type Kernel, type KernelOutput, specialize } from '@densessm/ssm-core';
import { Tensor, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { Gpu } from './gpu';
import { ELEMENTS } from './program';

/** A kernel on the GPU: how it computes, and what it does not. */
export interface GpuKernel<I, A> {
  /** Left out where every case is computed but that of empty tensors, which the reference always does. */
  readonly supports?: (gpu: Gpu, inputs: I, attrs: A) => true | string;
  readonly run: (gpu: Gpu, inputs: I, attrs: A) => TensorInfo | TensorInfo[];
}

/** Registers a kernel for tfjs's WebGPU backend and returns its name. */
export function specializeOnGpu<I extends object, O extends KernelOutput, A extends object>(
  gpu: Gpu,
  kernel: Kernel<I, O, A>,
  { supports, run }: GpuKernel<I, A>,
): string {
  specialize(kernel, 'webgpu', {
    supports: (inputs, attrs) => (isEmpty(inputs) ? 'a tensor is empty' : (supports?.(gpu, inputs, attrs) ?? true)),
    run: ({ inputs, attrs }: FastCall<I, A, unknown>) => run(gpu, inputs, attrs),
  });
  return kernel.definition.name;
}

const isEmpty = (inputs: object): boolean => Object.values(inputs).some((tensor) => tensor instanceof Tensor && tensor.size === 0);

export const sizeOf = ({ shape }: TensorInfo): number => util.sizeFromShape(shape);

/** How many groups of `size` cover `count`: unless given, those of a program of elements. */
export const groupsOf = (count: number, size = ELEMENTS): number => Math.ceil(count / size);
