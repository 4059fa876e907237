import { defineKernel, type Kernel } from '@densessm/ssm-core';
import { mean, mul, reshape, sub, sum, type Tensor, type Tensor1D, tidy } from '@tensorflow/tfjs-core';
import { silu } from '../activations/activations';
import { siluSlope } from '../activations/silu';
import { checkGroups, FIX, normAttrs, normalized, normInputs, type RmsNormAttrs, type RmsNormInputs } from './inputs';

export interface RmsNormGradInputs extends RmsNormInputs {
  /** Gradient of the output, as x. */
  dy: Tensor;
}
/** Shaped as x, as weight, whether or not it was given, and with a gate as gate. */
export type RmsNormGradients = [dx: Tensor, dWeight: Tensor1D, dGate: Tensor] | [dx: Tensor, dWeight: Tensor1D];

/**
 * The gradients of the norm. With s = silu(gate), a = x, or x s with the gate inside: n = a r, r = (mean a² + eps)^−½;
 * dn = dy w, or dy s w with the gate outside; dw = Σ dy n, or Σ dy s n; da = r (dn − n mean(dn n)).
 */
export const rmsNormGrad: Kernel<RmsNormGradInputs, RmsNormGradients, RmsNormAttrs> = /* @__PURE__ */ defineKernel<
  RmsNormGradInputs,
  RmsNormGradients,
  RmsNormAttrs
>({
  name: 'SsmRmsNormGrad',
  inputs: { ...normInputs, dy: ['...', 'D'] },
  fix: FIX,
  attrs: normAttrs,
  check: (inputs, attrs) => checkGroups('SsmRmsNormGrad', inputs, attrs),
  reference: (inputs, attrs) =>
    tidy(() => {
      const { x, weight, gate, dy } = inputs;
      const s = gate && silu(gate);
      const outside = attrs.normBeforeGate;
      const { n, r, grouped } = normalized(inputs, attrs);
      const dyS = s && outside ? mul(dy, s) : dy;
      const dn = reshape(weight ? mul(dyS, weight) : dyS, grouped);
      const nGroups = reshape(n, grouped);
      const da: Tensor = reshape(mul(r, sub(dn, mul(nGroups, mean(mul(dn, nGroups), -1, true)))), x.shape);
      const dWeight: Tensor1D = sum(reshape(mul(dyS, n), [-1, x.shape.at(-1) as number]), 0);
      if (s === undefined) return [da, dWeight];
      const dS = outside ? mul(dy, weight ? mul(n, weight) : n) : mul(da, x);
      return [outside ? da : mul(da, s), dWeight, mul(dS, siluSlope(gate as Tensor))];
    }),
});
