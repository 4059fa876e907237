import type { Tensor, TensorInfo } from '@tensorflow/tfjs-core';
import type { Machine } from '../../../backends/wasm/machine';
import { type ReduceModule, sumParts } from '../../../backends/wasm/tfjs-patches/reduce/kernel';
import type { RmsNormGradInputs } from '../gradient';
import type { RmsNormAttrs, RmsNormInputs } from '../inputs';

/** Exports of assembly.ts. */
export interface RmsNormModule {
  rmsNormBlocks(rows: number, width: number): number;
  /** x, weight, gate, y, rows, width, size, eps, inside, block */
  rmsNorm(...addressesAndSizes: number[]): void;
  rmsNormGradScratchBytes(width: number, size: number): number;
  rmsNormGradBlocks(rows: number, width: number): number;
  /** x, weight, gate, dy, dx, dweight, dgate, and the last six as above, scratch */
  rmsNormGrad(...addressesAndSizes: number[]): void;
}

/** Rows, their width, the size of a group, eps, and whether the gate joins before the norm. */
function sizesOf(x: Tensor, { eps, groupSize, normBeforeGate }: RmsNormAttrs): [number, number, number, number, number] {
  const width = x.shape.at(-1) as number;
  return [width === 0 ? 0 : x.size / width, width, groupSize || width, eps, Number(!normBeforeGate)];
}

export const rmsNormOnWasm =
  ({ heap, module, run }: Machine<RmsNormModule>) =>
  ({ x, weight, gate }: RmsNormInputs, attrs: RmsNormAttrs): TensorInfo => {
    const output = heap.output(x.shape);
    const sizes = sizesOf(x, attrs);
    const addresses = [x, weight, gate, output].map((tensor) => heap.addressOrNone(tensor));
    run('rmsNorm', module.rmsNormBlocks(sizes[0], sizes[1]), 0, ...addresses, ...sizes);
    return output;
  };

export const rmsNormGradOnWasm =
  (machine: Machine<RmsNormModule & ReduceModule>) =>
  ({ x, weight, gate, dy }: RmsNormGradInputs, attrs: RmsNormAttrs): TensorInfo[] => {
    const { heap, module, run } = machine;
    const sizes = sizesOf(x, attrs);
    const [rows, width, size] = sizes;
    const outputs = [x.shape, [width], ...(gate ? [gate.shape] : [])].map((shape) => heap.output(shape));
    const [dx, dWeight, dGate = 0] = outputs.map((tensor) => heap.address(tensor)) as [number, number, number?];
    const parts = module.rmsNormGradBlocks(rows, width);
    const sums = parts > 1 ? heap.shared(parts * width * 4) : dWeight;
    const addresses = [x, weight, gate, dy].map((tensor) => heap.addressOrNone(tensor));
    run('rmsNormGrad', parts, module.rmsNormGradScratchBytes(width, size) >>> 0, ...addresses, dx, sums, dGate, ...sizes);
    if (parts > 1) sumParts(machine, sums, dWeight, parts, width);
    return outputs;
  };
