import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Heap } from '../wasm/heap';
import type { CausalConv1dGradInputs } from './gradient';
import type { CausalConv1dAttrs, CausalConv1dInputs } from './inputs';

/** Exports of assembly.ts. */
export interface CausalConv1dModule {
  causalConv1dScratchBytes(channels: number, width: number): number;
  /** x, w, bias, tail, starts, y, the tail that is left, batch, length, channels, width, silu, scratch */
  causalConv1d(...addressesAndSizes: number[]): void;
  causalConv1dGradScratchBytes(length: number, channels: number, width: number): number;
  /** x, w, bias, tail, starts, dy, dTail, dx, dw, dbias, dtail, and the last six as above */
  causalConv1dGrad(...addressesAndSizes: number[]): void;
}

export const causalConv1dOnWasm =
  (heap: Heap, module: CausalConv1dModule) =>
  ({ x, w, bias, tail, starts }: CausalConv1dInputs, { activation }: CausalConv1dAttrs): TensorInfo[] => {
    const [[batch, length, channels], width] = [x.shape, w.shape[1]];
    const outputs = [heap.output(x.shape), heap.output([batch, channels, width - 1])];
    const scratch = heap.scratch(module.causalConv1dScratchBytes(channels, width) >>> 0);
    const addresses = [x, w, bias, tail, starts, ...outputs].map((tensor) => heap.addressOrNone(tensor));
    module.causalConv1d(...addresses, batch, length, channels, width, Number(activation === 'silu'), scratch);
    return outputs;
  };

export const causalConv1dGradOnWasm =
  (heap: Heap, module: CausalConv1dModule) =>
  ({ x, w, bias, tail, starts, dy, dTail }: CausalConv1dGradInputs, { activation }: CausalConv1dAttrs): TensorInfo[] => {
    const [[batch, length, channels], width] = [x.shape, w.shape[1]];
    const gradients = [x.shape, w.shape, [channels], dTail.shape].map((shape) => heap.output(shape));
    const scratch = heap.scratch(module.causalConv1dGradScratchBytes(length, channels, width) >>> 0);
    const addresses = [x, w, bias, tail, starts, dy, dTail, ...gradients].map((tensor) => heap.addressOrNone(tensor));
    module.causalConv1dGrad(...addresses, batch, length, channels, width, Number(activation === 'silu'), scratch);
    return gradients;
  };
