import type { Tensor, TensorInfo } from '@tensorflow/tfjs-core';
import type { Heap } from '../../../backends/wasm/heap';

/** Exports of assembly.ts. */
export interface SquareSumModule {
  /** x, out, size */
  squareSum(...addressesAndSize: number[]): void;
}

export const squareSumOnWasm =
  (heap: Heap, module: SquareSumModule) =>
  ({ x }: { x: Tensor }): TensorInfo => {
    const output = heap.output([]);
    module.squareSum(heap.address(x), heap.address(output), x.size);
    return output;
  };
