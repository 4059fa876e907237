import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Heap } from '../wasm/heap';
import type { CrossEntropyGradInputs } from './gradient';
import type { CrossEntropyAttrs, CrossEntropyInputs } from './inputs';

/** Exports of assembly.ts. */
export interface CrossEntropyModule {
  /** logits, targets, losses, rows, width, ignored, mean */
  crossEntropy(...addressesAndSizes: number[]): void;
  /** logits, targets, dy, dlogits, and the last four as above */
  crossEntropyGrad(...addressesAndSizes: number[]): void;
}

/** The kernels' own checks have seen the targets: none points outside its row. */
export const crossEntropyOnWasm =
  (heap: Heap, module: CrossEntropyModule) =>
  ({ logits, targets }: CrossEntropyInputs, { ignoreIndex, reduction }: CrossEntropyAttrs): TensorInfo => {
    const isMean = reduction === 'mean';
    const losses = heap.output(isMean ? [] : targets.shape);
    const addresses = [logits, targets, losses].map((tensor) => heap.address(tensor));
    module.crossEntropy(...addresses, ...logits.shape, ignoreIndex, Number(isMean));
    return losses;
  };

export const crossEntropyGradOnWasm =
  (heap: Heap, module: CrossEntropyModule) =>
  ({ logits, targets, dy }: CrossEntropyGradInputs, { ignoreIndex, reduction }: CrossEntropyAttrs): TensorInfo => {
    const output = heap.output(logits.shape);
    const addresses = [logits, targets, dy, output].map((tensor) => heap.address(tensor));
    module.crossEntropyGrad(...addresses, ...logits.shape, ignoreIndex, Number(reduction === 'mean'));
    return output;
  };
