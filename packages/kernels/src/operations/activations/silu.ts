import { defineKernel, type Kernel } from '@densessm/ssm-core';
import { add, mul, sigmoid, sub, type Tensor, tidy } from '@tensorflow/tfjs-core';

export interface ActivationInputs {
  /** Any shape. */
  x: Tensor;
}
export interface ActivationGradInputs extends ActivationInputs {
  /** Gradient of the output, as x. */
  dy: Tensor;
}

const FIX = 'dy is the gradient of silu(x) and has its shape';

/** x σ(x) as one operation. */
export const siluKernel: Kernel<ActivationInputs, Tensor> = /* @__PURE__ */ defineKernel<ActivationInputs, Tensor>({
  name: 'SsmSilu',
  inputs: { x: ['...'] },
  fix: FIX,
  attrs: {},
  reference: ({ x }) => tidy(() => mul(x, sigmoid(x))),
  backward: (dy, { x }) => ({ x: () => siluGrad({ x, dy }) }),
});

/** dx = dy · d silu / dx. */
export const siluGrad: Kernel<ActivationGradInputs, Tensor> = /* @__PURE__ */ defineKernel<ActivationGradInputs, Tensor>({
  name: 'SsmSiluGrad',
  inputs: { x: ['...'], dy: ['...'] },
  fix: FIX,
  attrs: {},
  reference: ({ x, dy }) => tidy(() => mul(dy, siluSlope(x))),
});

/** d silu / dx = σ (1 + x (1 − σ)). Any shape. */
export const siluSlope = <X extends Tensor>(x: X): X =>
  tidy(() => {
    const s = sigmoid(x);
    return mul(s, add(mul(x, sub(1, s)), 1));
  });
