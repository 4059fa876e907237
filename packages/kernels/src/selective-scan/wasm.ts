import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Heap } from '../wasm/heap';
import type { SelectiveScanGradInputs } from './gradient';
import { type SelectiveScanInputs, sizesOf } from './inputs';

/** Exports of assembly.ts. */
export interface SelectiveScanModule {
  selectiveScanScratchBytes(channels: number, states: number, groups: number): number;
  /** u, delta, A, B, C, D, h0, starts, y, hT, batch, length, channels, states, groups, scratch */
  selectiveScan(...addressesAndSizes: number[]): void;
  selectiveScanGradScratchBytes(length: number, channels: number, states: number, groups: number): number;
  /** u, delta, A, B, C, D, h0, starts, dy, dhT, du, dDelta, dA, dB, dC, dh0, dD, and the last six as above */
  selectiveScanGrad(...addressesAndSizes: number[]): void;
}

export const selectiveScanOnWasm =
  (heap: Heap, module: SelectiveScanModule) =>
  (inputs: SelectiveScanInputs): TensorInfo[] => {
    const { u, delta, A, B, C, D, h0, starts } = inputs;
    const sizes = sizesOf(inputs);
    const [y, hT] = [heap.output(u.shape), heap.output([sizes.B, sizes.E, sizes.N])];
    const scratch = heap.scratch(module.selectiveScanScratchBytes(sizes.E, sizes.N, sizes.G) >>> 0);
    const addresses = [u, delta, A, B, C, D, h0, starts, y, hT].map((tensor) => heap.addressOrNone(tensor));
    module.selectiveScan(...addresses, sizes.B, sizes.T, sizes.E, sizes.N, sizes.G, scratch);
    return [y, hT];
  };

export const selectiveScanGradOnWasm =
  (heap: Heap, module: SelectiveScanModule) =>
  (inputs: SelectiveScanGradInputs): TensorInfo[] => {
    const { u, delta, A, B, C, D, h0, starts, dy, dhT } = inputs;
    const sizes = sizesOf(inputs);
    const state = [sizes.B, sizes.E, sizes.N];
    const gradients = [u.shape, delta.shape, A.shape, B.shape, C.shape, state, [sizes.E]].map((shape) => heap.output(shape));
    const scratch = heap.scratch(module.selectiveScanGradScratchBytes(sizes.T, sizes.E, sizes.N, sizes.G) >>> 0);
    const addresses = [u, delta, A, B, C, D, h0, starts, dy, dhT, ...gradients].map((tensor) => heap.addressOrNone(tensor));
    module.selectiveScanGrad(...addresses, sizes.B, sizes.T, sizes.E, sizes.N, sizes.G, scratch);
    return gradients;
  };
