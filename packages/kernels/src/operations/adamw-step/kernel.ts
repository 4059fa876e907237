import { defineKernel, type Kernel } from '@densessm/ssm-core';
import {
  add,
  div,
  equal,
  minimum,
  mul,
  split,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  tidy,
  where,
} from '@tensorflow/tfjs-core';

/** All of one shape, save for `measured`. */
export interface AdamwStepInputs {
  param: Tensor;
  grad: Tensor;
  /** Moving average of the gradient, zero at first. */
  mean: Tensor;
  /** Moving average of the gradient's square, zero at first. */
  square: Tensor;
  /**
   * [2]: the loss of the step, and the norm of all gradients after `gradientScale`. With it the gradient is clipped to `largestNorm`, and where one of
   * the two is not finite nothing changes: so a step needs no number that the host would have to wait for.
   */
  measured?: Tensor1D;
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
  /** Of `measured`: the greatest norm that is left as it is, as torch's clip_grad_norm_ does it; 0 for any. */
  largestNorm: number;
}

const attrs: AdamwStepAttrs = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0,
  step: 1,
  gradientScale: 1,
  largestNorm: 0,
};

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
  inputs: { param: ['...'], grad: ['...'], mean: ['...'], square: ['...'], measured: { dims: [2], optional: true } },
  fix: 'pass a parameter with its own gradient and averages, all of one shape',
  attrs,
  reference: (inputs, attrs) =>
    tidy(() => {
      const { param, mean, square: average, measured } = inputs;
      const next = stepOf(inputs, attrs);
      if (measured === undefined) return next;
      const isGood = equal(sum(mul(measured, 0)), 0);
      return [param, mean, average].map((before, i) => where(isGood, next[i] as Tensor, before)) as AdamwStepOutputs;
    }),
});

function stepOf({ param, grad, mean, square: average, measured }: AdamwStepInputs, attrs: AdamwStepAttrs): AdamwStepOutputs {
  const { learningRate, beta1, beta2, eps, weightDecay, step, gradientScale } = attrs;
  const stepSize = learningRate / (1 - beta1 ** step);
  const rootOfCorrection = Math.sqrt(1 - beta2 ** step);
  const scaled = gradientScale === 1 ? grad : mul(grad, gradientScale);
  const g = measured && attrs.largestNorm > 0 ? mul(scaled, clipFactor(measured, attrs.largestNorm)) : scaled;
  const m = add(mul(mean, beta1), mul(g, 1 - beta1));
  const v = add(mul(average, beta2), mul(square(g), 1 - beta2));
  const direction = div(m, add(div(sqrt(v), rootOfCorrection), eps));
  const decayed = weightDecay === 0 ? param : mul(param, 1 - learningRate * weightDecay);
  return [sub(decayed, mul(direction, stepSize)), m, v];
}

/** torch's clip_grad_norm_, its 1e-6 included. */
function clipFactor(measured: Tensor1D, largest: number): Tensor {
  const [, norm] = split(measured, 2) as [Tensor, Tensor];
  return minimum(div(largest, add(norm, 1e-6)), 1);
}
