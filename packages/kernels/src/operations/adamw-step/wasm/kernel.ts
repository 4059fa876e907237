import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Machine } from '../../../backends/wasm/machine';
import type { ActivationsModule } from '../../activations/wasm/kernel';
import type { AdamwStepAttrs, AdamwStepInputs } from '../kernel';

/** Exports of assembly.ts. */
export interface AdamwStepModule {
  /** param, grad, mean, square, and where the new param, mean and square go; size; scale, beta1, rest1, beta2, rest2, keep, stepSize, root, eps, block */
  adamwStep(...addressesAndNumbers: number[]): void;
}

/**
 * Into new memory: what lies there already may be known under its address elsewhere, as packed weights are. The allocator hands out what the
 * last parameter's step gave back.
 */
export const adamwStepOnWasm =
  ({ heap, module, run }: Machine<AdamwStepModule & Pick<ActivationsModule, 'elementBlocks'>>) =>
  ({ param, grad, mean, square }: AdamwStepInputs, attrs: AdamwStepAttrs): TensorInfo[] => {
    const { learningRate, beta1, beta2, eps, weightDecay, step, gradientScale } = attrs;
    const outputs = [heap.output(param.shape), heap.output(param.shape), heap.output(param.shape)];
    run(
      'adamwStep',
      module.elementBlocks(param.size),
      0,
      ...[param, grad, mean, square, ...outputs].map((tensor) => heap.address(tensor)),
      param.size,
      gradientScale,
      beta1,
      1 - beta1,
      beta2,
      1 - beta2,
      1 - learningRate * weightDecay,
      learningRate / (1 - beta1 ** step),
      Math.sqrt(1 - beta2 ** step),
      eps,
    );
    return outputs;
  };
