import { elementwise, type Program } from '../../../backends/webgpu/program';
import { type GpuKernel, groupsOf, sizeOf } from '../../../backends/webgpu/specialize';
import type { AdamwStepAttrs, AdamwStepInputs } from '../kernel';

const program: Program = elementwise({
  name: 'SsmAdamwStep',
  inputs: { param: 'f32', grad: 'f32', mean: 'f32', square: 'f32' },
  outputs: { nextParam: 'f32', nextMean: 'f32', nextSquare: 'f32' },
  params: { scale: 'f32', beta1: 'f32', rest1: 'f32', beta2: 'f32', rest2: 'f32', kept: 'f32', stepSize: 'f32', root: 'f32', eps: 'f32' },
  main: `
  let g = grad[i] * p.scale;
  let m = p.beta1 * mean[i] + p.rest1 * g;
  let v = p.beta2 * square[i] + p.rest2 * g * g;
  nextMean[i] = m;
  nextSquare[i] = v;
  nextParam[i] = p.kept * param[i] - p.stepSize * (m / (sqrt(v) / p.root + p.eps));`,
});

export const adamwStepOnGpu: GpuKernel<AdamwStepInputs, AdamwStepAttrs> = {
  run: (gpu, { param, grad, mean, square }, { learningRate, beta1, beta2, eps, weightDecay, step, gradientScale }) => {
    const [nextParam, nextMean, nextSquare] = [gpu.tensor(param.shape), gpu.tensor(param.shape), gpu.tensor(param.shape)];
    const count = sizeOf(param);
    const params = {
      count,
      scale: gradientScale,
      beta1,
      rest1: 1 - beta1,
      beta2,
      rest2: 1 - beta2,
      kept: 1 - learningRate * weightDecay,
      stepSize: learningRate / (1 - beta1 ** step),
      root: Math.sqrt(1 - beta2 ** step),
      eps,
    };
    gpu.run(program, {
      inputs: { param, grad, mean, square },
      outputs: { nextParam, nextMean, nextSquare },
      params,
      groups: groupsOf(count),
    });
    return [nextParam, nextMean, nextSquare];
  },
};
