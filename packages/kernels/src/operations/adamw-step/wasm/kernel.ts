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
  wasmVersion(adamwStep, [kernel], (runtime, { param, grad, mean, square, measured }, attrs) => {
    const { heap } = runtime;
    const { shape, size } = param;
    const [loss = 0, norm = 0] = measured ? heap.copyOf(heap.address(measured), 2) : [];
    const isKept = Number.isFinite(loss) && Number.isFinite(norm);
    // a step that is left out changes nothing: the averages stay, and the parameter moves by none of their quotient
    const { learningRate, beta1, beta2 } = isKept ? attrs : { learningRate: 0, beta1: 1, beta2: 1 };
    const { eps, weightDecay, step, gradientScale, largestNorm } = attrs;
    const clip = measured && isKept && largestNorm > 0 ? Math.min(largestNorm / (norm + 1e-6), 1) : 1;
    const [nextParam, nextMean, nextSquare] = [heap.output(shape), heap.output(shape), heap.output(shape)];
    runtime.run(kernel, {
      ...{ param, mean, square },
      grad: isKept ? grad : mean,
      nextParam,
      nextMean,
      nextSquare,
      size,
      scale: gradientScale * clip,
      beta1,
      rest1: 1 - beta1,
      beta2,
      rest2: 1 - beta2,
      keep: 1 - learningRate * weightDecay,
      stepSize: learningRate / (1 - attrs.beta1 ** step),
      root: Math.sqrt(1 - attrs.beta2 ** step),
      eps,
    });
    return [nextParam, nextMean, nextSquare];
  }),
];
