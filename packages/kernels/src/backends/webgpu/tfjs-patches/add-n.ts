import { getKernel, type KernelFunc, registerKernel, type TensorInfo, unregisterKernel } from '@tensorflow/tfjs-core';
import type { Gpu } from '../gpu';
import { sizeOf } from '../specialize';
import { binary } from './binary';

/** Tensors added at once: with the sum and the uniforms fewer than the storage buffers that every device can bind. */
const AT_ONCE = 6;

/** What tfjs binds as a whole. */
function addedInPairs(gpu: Gpu, [first, ...rest]: readonly TensorInfo[]): TensorInfo {
  let sum = first as TensorInfo;
  for (const one of rest) {
    const before = sum;
    sum = binary(gpu, 'Add', sum, one) as TensorInfo;
    if (before !== first) gpu.free(before);
  }
  return sum;
}

let stock: KernelFunc | undefined;

/**
 * tfjs's AddN binds all of its inputs at once. Beyond the limit of the device the pipeline is not valid, and the sum stays what was in memory: it is
 * told to no one. Ours adds a few at a time, in their order.
 */
export function replaceAddN(gpu: Gpu): void {
  stock ??= getKernel('AddN', 'webgpu').kernelFunc;
  const add = stock;
  const kernelFunc: KernelFunc = ({ inputs, backend }) => {
    let rest = [...(inputs as unknown as TensorInfo[])];
    if (rest.length > 1 && sizeOf(rest[0] as TensorInfo) > gpu.mostValues) return addedInPairs(gpu, rest);
    let sum: TensorInfo | undefined;
    do {
      const some = rest.slice(0, AT_ONCE);
      rest = rest.slice(AT_ONCE);
      const before: TensorInfo | undefined = sum;
      sum = add({ inputs: (before ? [before, ...some] : some) as never, backend, attrs: {} }) as TensorInfo;
      if (before) gpu.free(before);
    } while (rest.length > 0);
    return sum;
  };
  unregisterKernel('AddN', 'webgpu');
  registerKernel({ kernelName: 'AddN', backendName: 'webgpu', kernelFunc });
}
