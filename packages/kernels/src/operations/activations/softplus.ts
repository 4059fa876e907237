import { defineKernel, type Kernel } from '@densessm/ssm-core';
import { mul, sigmoid, type Tensor, softplus as tfSoftplus, tidy } from '@tensorflow/tfjs-core';
import type { ActivationGradInputs, ActivationInputs } from './silu';

const FIX = 'dy is the gradient of softplus(x) and has its shape';

/** ln(1 + eˣ) as one operation. */
export const softplusKernel: Kernel<ActivationInputs, Tensor> = /* @__PURE__ */ defineKernel<ActivationInputs, Tensor>({
  name: 'SsmSoftplus',
  inputs: { x: ['...'] },
  fix: FIX,
  attrs: {},
  reference: ({ x }) => tfSoftplus(x),
  backward: (dy, { x }) => ({ x: () => softplusGrad({ x, dy }) }),
});

/** dx = dy σ(x). */
export const softplusGrad: Kernel<ActivationGradInputs, Tensor> = /* @__PURE__ */ defineKernel<ActivationGradInputs, Tensor>({
  name: 'SsmSoftplusGrad',
  inputs: { x: ['...'], dy: ['...'] },
  fix: FIX,
  attrs: {},
  reference: ({ x, dy }) => tidy(() => mul(dy, sigmoid(x))),
});
