import { defineKernel, type Kernel } from '@densessm/ssm-core';
import { add, div, mul, sqrt, square, sub, type Tensor, tidy } from '@tensorflow/tfjs-core';

/** All of one shape. */
export interface AdamwStepInputs {
  param: Tensor;
  grad: Tensor;
  /** Moving average of the gradient, zero at first. */
  mean: Tensor;
  /** Moving average of the gradient's square, zero at first. */
  square: Tensor;
}
/** New values of the three that change. */
export type AdamwStepOutputs = [param: Tensor, mean: Tensor, square: Tensor];

export interface AdamwStepAttrs {
  learningRate: number;
  beta1: number;
  beta2: number;
  eps: number;
  /** 0 for a parameter that does not decay. */
  weightDecay: number;
  /** Counted from 1: both averages are divided by what they lack so early. */
  step: number;
  /** What the gradient is multiplied by first: the factor of clipping, or of a mean over micro-batches. */
  gradientScale: number;
}

const attrs: AdamwStepAttrs = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, step: 1, gradientScale: 1 };

/**
 * One step of AdamW for one parameter: Loshchilov and Hutter 2019, arXiv:1711.05101, Alg. 2, in the order of torch.optim.AdamW:
 * θ ← (1 − ηλ) θ;  m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;  θ ← θ − η m̂ / (√v̂ + ε).
 * The outputs are new tensors, and the inputs stay the caller's. There is no gradient.
 */
export const adamwStep: Kernel<AdamwStepInputs, AdamwStepOutputs, AdamwStepAttrs> = /* @__PURE__ */ defineKernel<
  AdamwStepInputs,
  AdamwStepOutputs,
  AdamwStepAttrs
>({
  name: 'SsmAdamwStep',
  inputs: { param: ['...'], grad: ['...'], mean: ['...'], square: ['...'] },
  fix: 'pass a parameter with its own gradient and averages, all of one shape',
  attrs,
  reference: ({ param, grad, mean, square: average }, { learningRate, beta1, beta2, eps, weightDecay, step, gradientScale }) => {
    const stepSize = learningRate / (1 - beta1 ** step);
    const rootOfCorrection = Math.sqrt(1 - beta2 ** step);
    return tidy((): AdamwStepOutputs => {
      const g = gradientScale === 1 ? grad : mul(grad, gradientScale);
      const m = add(mul(mean, beta1), mul(g, 1 - beta1));
      const v = add(mul(average, beta2), mul(square(g), 1 - beta2));
      const direction = div(m, add(div(sqrt(v), rootOfCorrection), eps));
      const decayed = weightDecay === 0 ? param : mul(param, 1 - learningRate * weightDecay);
      return [sub(decayed, mul(direction, stepSize)), m, v];
    });
  },
});
