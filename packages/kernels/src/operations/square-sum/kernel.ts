import { defineKernel, type Kernel } from '@densessm/ssm-core';
import { mul, type Scalar, square, sum, type Tensor, tidy } from '@tensorflow/tfjs-core';

/** Σ x², of which the norm of all gradients is made: one pass, without an array of squares where a fast version exists. x any shape → scalar. */
export const squareSum: Kernel<{ x: Tensor }, Scalar> = /* @__PURE__ */ defineKernel<{ x: Tensor }, Scalar>({
  name: 'SsmSquareSum',
  inputs: { x: ['...'] },
  fix: 'x is a tensor of any shape',
  attrs: {},
  reference: ({ x }) => tidy(() => sum(square(x))),
  backward: (dy, { x }) => ({ x: () => mul(mul(x, 2), dy) }),
});
