import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Machine } from '../../../backends/wasm/machine';
import type { CrossEntropyGradInputs } from '../gradient';
import type { CrossEntropyAttrs, CrossEntropyInputs } from '../inputs';

/** Exports of assembly.ts. */
export interface CrossEntropyModule {
  crossEntropyBlocks(rows: number, width: number): number;
  /** logits, targets, losses, rows, width, ignored, block */
  crossEntropy(...addressesAndSizes: number[]): void;
  collectLosses(losses: number, targets: number, out: number, rows: number, ignored: number, mean: number): void;
  /** logits, targets, dy, dlogits, losses or 0, rows, width, ignored, mean, block */
  crossEntropyGrad(...addressesAndSizes: number[]): void;
}

/** The kernels' own checks have seen the targets: none points outside its row. */
export const crossEntropyOnWasm =
  ({ heap, module, run }: Machine<CrossEntropyModule>) =>
  ({ logits, targets }: CrossEntropyInputs, { ignoreIndex, reduction }: CrossEntropyAttrs): TensorInfo => {
    const isMean = reduction === 'mean';
    const output = heap.output(isMean ? [] : targets.shape);
    const [rows, width] = logits.shape;
    const ofRows = heap.shared(8 * rows);
    const [atLogits, atTargets, out] = [heap.address(logits), heap.address(targets), heap.address(output)];
    run('crossEntropy', module.crossEntropyBlocks(rows, width), 0, atLogits, atTargets, ofRows, rows, width, ignoreIndex);
    module.collectLosses(ofRows, atTargets, out, rows, ignoreIndex, Number(isMean));
    return output;
  };

export const crossEntropyGradOnWasm =
  ({ heap, module, run }: Machine<CrossEntropyModule>) =>
  ({ logits, targets, dy }: CrossEntropyGradInputs, { ignoreIndex, reduction }: CrossEntropyAttrs): TensorInfo => {
    const output = heap.output(logits.shape);
    const addresses = [logits, targets, dy, output].map((tensor) => heap.address(tensor));
    const blocks = module.crossEntropyBlocks(...logits.shape);
    run('crossEntropyGrad', blocks, 0, ...addresses, 0, ...logits.shape, ignoreIndex, Number(reduction === 'mean'));
    return output;
  };
