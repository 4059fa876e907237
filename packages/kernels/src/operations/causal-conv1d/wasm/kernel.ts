import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Machine } from '../../../backends/wasm/machine';
import type { CausalConv1dGradInputs } from '../gradient';
import type { CausalConv1dAttrs, CausalConv1dInputs } from '../inputs';

/** Exports of assembly.ts. */
export interface CausalConv1dModule {
  causalConv1dBlocks(batch: number, length: number, channels: number): number;
  causalConv1dScratchBytes(channels: number, width: number): number;
  /** x, w, bias, tail, starts, y, the tail that is left, batch, length, channels, width, silu, share, scratch */
  causalConv1d(...addressesAndSizes: number[]): void;
  causalConv1dGradScratchBytes(length: number, channels: number, width: number): number;
  /** x, w, bias, tail, starts, dy, dTail, dx, dw, dbias, dtail, and the last seven as above */
  causalConv1dGrad(...addressesAndSizes: number[]): void;
}

export const causalConv1dOnWasm =
  ({ heap, module, run }: Machine<CausalConv1dModule>) =>
  ({ x, w, bias, tail, starts }: CausalConv1dInputs, { activation }: CausalConv1dAttrs): TensorInfo[] => {
    const [[batch, length, channels], width] = [x.shape, w.shape[1]];
    const outputs = [heap.output(x.shape), heap.output([batch, channels, width - 1])];
    const addresses = [x, w, bias, tail, starts, ...outputs].map((tensor) => heap.addressOrNone(tensor));
    const sizes = [batch, length, channels, width, Number(activation === 'silu')];
    const scratchBytes = module.causalConv1dScratchBytes(channels, width) >>> 0;
    run('causalConv1d', module.causalConv1dBlocks(batch, length, channels), scratchBytes, ...addresses, ...sizes);
    return outputs;
  };

export const causalConv1dGradOnWasm =
  ({ heap, module, run }: Machine<CausalConv1dModule>) =>
  ({ x, w, bias, tail, starts, dy, dTail }: CausalConv1dGradInputs, { activation }: CausalConv1dAttrs): TensorInfo[] => {
    const [[batch, length, channels], width] = [x.shape, w.shape[1]];
    const gradients = [x.shape, w.shape, [channels], dTail.shape].map((shape) => heap.output(shape));
    const addresses = [x, w, bias, tail, starts, dy, dTail, ...gradients].map((tensor) => heap.addressOrNone(tensor));
    const sizes = [batch, length, channels, width, Number(activation === 'silu')];
    const scratchBytes = module.causalConv1dGradScratchBytes(length, channels, width) >>> 0;
    run('causalConv1dGrad', module.causalConv1dBlocks(batch, length, channels), scratchBytes, ...addresses, ...sizes);
    return gradients;
  };
