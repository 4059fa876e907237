import type { Tensor, TensorInfo } from '@tensorflow/tfjs-core';
import type { Heap } from '../wasm/heap';
import type { RmsNormGradInputs } from './gradient';
import type { RmsNormAttrs, RmsNormInputs } from './inputs';

/** Exports of assembly.ts. */
export interface RmsNormModule {
  /** x, weight, gate, y, rows, width, size, eps, inside */
  rmsNorm(...addressesAndSizes: number[]): void;
  rmsNormGradScratchBytes(width: number, size: number): number;
  /** x, weight, gate, dy, dx, dweight, dgate, and the last five as above, scratch */
  rmsNormGrad(...addressesAndSizes: number[]): void;
}

/** Rows, their width, the size of a group, eps, and whether the gate joins before the norm. */
function sizesOf(x: Tensor, { eps, groupSize, normBeforeGate }: RmsNormAttrs): [number, number, number, number, number] {
  const width = x.shape.at(-1) as number;
  return [width === 0 ? 0 : x.size / width, width, groupSize || width, eps, Number(!normBeforeGate)];
}

export const rmsNormOnWasm =
  (heap: Heap, module: RmsNormModule) =>
  ({ x, weight, gate }: RmsNormInputs, attrs: RmsNormAttrs): TensorInfo => {
    const output = heap.output(x.shape);
    module.rmsNorm(...[x, weight, gate, output].map((tensor) => heap.addressOrNone(tensor)), ...sizesOf(x, attrs));
    return output;
  };

export const rmsNormGradOnWasm =
  (heap: Heap, module: RmsNormModule) =>
  ({ x, weight, gate, dy }: RmsNormGradInputs, attrs: RmsNormAttrs): TensorInfo[] => {
    const sizes = sizesOf(x, attrs);
    const [, width, size] = sizes;
    const gradients = [x.shape, [width], ...(gate ? [gate.shape] : [])].map((shape) => heap.output(shape));
    const scratch = heap.scratch(module.rmsNormGradScratchBytes(width, size) >>> 0);
    const [dx, dWeight, dGate] = gradients;
    module.rmsNormGrad(...[x, weight, gate, dy, dx, dWeight, dGate].map((tensor) => heap.addressOrNone(tensor)), ...sizes, scratch);
    return gradients;
  };
