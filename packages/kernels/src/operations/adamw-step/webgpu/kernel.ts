import { type Program, pointwise, variants } from '../../../backends/webgpu/program';
import { type GpuKernel, groupsOf, sizeOf } from '../../../backends/webgpu/specialize';
import type { AdamwStepAttrs, AdamwStepInputs } from '../kernel';

const PARAMS = {
  scale: 'f32',
  beta1: 'f32',
  rest1: 'f32',
  beta2: 'f32',
  rest2: 'f32',
  kept: 'f32',
  stepSize: 'f32',
  root: 'f32',
  eps: 'f32',
  largestNorm: 'f32',
} as const;

/** A step that was not finite is told by the bits of the two numbers: WGSL lets a compiler take every number for finite. */
const GATE = `
  var clip = 1.0;
  let loss = bitcast<u32>(measured[0]);
  let norm = measured[1];
  if ((loss & 0x7f800000) == 0x7f800000 || (bitcast<u32>(norm) & 0x7f800000) == 0x7f800000) {
    nextMean[i] = mean[i];
    nextSquare[i] = square[i];
    nextParam[i] = param[i];
    return;
  }
  if (p.largestNorm > 0) { clip = min(1.0, p.largestNorm / (norm + 1e-6)); }
  let g = grad[i] * p.scale * clip;`;

const program = variants(
  ({ isMeasured }: { isMeasured: boolean }): Program =>
    pointwise({
      name: 'SsmAdamwStep',
      inputs: { param: 'f32', grad: 'f32', mean: 'f32', square: 'f32', ...(isMeasured && { measured: 'f32' as const }) },
      outputs: { nextParam: 'f32', nextMean: 'f32', nextSquare: 'f32' },
      params: PARAMS,
      main: `${isMeasured ? GATE : '\n  let g = grad[i] * p.scale;'}
  let m = p.beta1 * mean[i] + p.rest1 * g;
  let v = p.beta2 * square[i] + p.rest2 * g * g;
  nextMean[i] = m;
  nextSquare[i] = v;
  nextParam[i] = p.kept * param[i] - p.stepSize * (m / (sqrt(v) / p.root + p.eps));`,
    }),
);

export const adamwStepOnGpu: GpuKernel<AdamwStepInputs, AdamwStepAttrs> = {
  run: (gpu, { param, grad, mean, square, measured }, attrs) => {
    const { learningRate, beta1, beta2, eps, weightDecay, step, gradientScale, largestNorm } = attrs;
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
      largestNorm,
    };
    gpu.run(program({ isMeasured: measured !== undefined }), {
      inputs: { param, grad, mean, square, ...(measured && { measured }) },
      outputs: { nextParam, nextMean, nextSquare },
      params,
      groups: groupsOf(count),
    });
    return [nextParam, nextMean, nextSquare];
  },
};
