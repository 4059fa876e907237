import { wasmKernel } from '../../../backends/wasm/wasm-kernel';
import { wasmVersion } from '../../../backends/wasm/wasm-version';
import { adamwStep } from '../kernel';

const kernel = wasmKernel(
  'adamwStep',
  {
    param: 'tensor',
    grad: 'tensor',
    mean: 'tensor',
    square: 'tensor',
    nextParam: 'tensor',
    nextMean: 'tensor',
    nextSquare: 'tensor',
    size: 'i32',
    scale: 'f32',
    beta1: 'f32',
    rest1: 'f32',
    beta2: 'f32',
    rest2: 'f32',
    keep: 'f32',
    stepSize: 'f32',
    root: 'f32',
    eps: 'f32',
  },
  { blocks: ['elementBlocks', 'size'] },
);

export const adamwStepOnWasm = [
  /**
   * Into new memory: what lies there already may be known under its address elsewhere, as packed weights are. The allocator hands out what the
   * last parameter's step gave back.
   */
  wasmVersion(
    adamwStep,
    [kernel],
    (runtime, { param, grad, mean, square }, attrs) => {
      const { heap } = runtime;
      const { shape, size } = param;
      const { learningRate, beta1, beta2, eps, weightDecay, step, gradientScale } = attrs;
      const [nextParam, nextMean, nextSquare] = [heap.output(shape), heap.output(shape), heap.output(shape)];
      runtime.run(kernel, {
        ...{ param, grad, mean, square },
        nextParam,
        nextMean,
        nextSquare,
        size,
        scale: gradientScale,
        beta1,
        rest1: 1 - beta1,
        beta2,
        rest2: 1 - beta2,
        keep: 1 - learningRate * weightDecay,
        stepSize: learningRate / (1 - beta1 ** step),
        root: Math.sqrt(1 - beta2 ** step),
        eps,
      });
      return [nextParam, nextMean, nextSquare];
    },
    ({ measured }) => (measured === undefined ? true : 'here the host reads loss and norm at no cost'),
  ),
];
