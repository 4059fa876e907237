import { defineKernel, type Kernel } from '@densessm/ssm-core';
import { mul, type Tensor, tidy } from '@tensorflow/tfjs-core';
import { silu } from '../activations/activations';
import { rmsNormGrad } from './gradient';
import { checkGroups, FIX, normAttrs, normalized, normInputs, type RmsNormAttrs, type RmsNormInputs } from './inputs';

/** The output has the rank of x. */
interface RmsNormKernel extends Kernel<RmsNormInputs, Tensor, RmsNormAttrs> {
  <X extends Tensor>(inputs: RmsNormInputs<X>, attrs?: Partial<RmsNormAttrs>): X;
}

/**
 * Root mean square norm: Zhang and Sennrich 2019, arXiv:1910.07467, eq. 4. x [..., D] → [..., D].
 * y = w x / √(mean(x²) + eps), the mean over the last axis or groups of it; the gated forms are Mamba-2's (arXiv:2405.21060, §7.1).
 * @throws SsmError SHAPE, DTYPE, or OPTION where groupSize does not divide D.
 */
export const rmsNorm: RmsNormKernel = /* @__PURE__ */ defineKernel<RmsNormInputs, Tensor, RmsNormAttrs>({
  name: 'SsmRmsNorm',
  inputs: normInputs,
  fix: FIX,
  attrs: normAttrs,
  check: (inputs, attrs) => checkGroups('SsmRmsNorm', inputs, attrs),
  reference: (inputs, attrs) =>
    tidy(() => {
      const { weight, gate } = inputs;
      const { n } = normalized(inputs, attrs);
      const y = weight ? mul(n, weight) : n;
      return gate && attrs.normBeforeGate ? mul(y, silu(gate)) : y;
    }),
  backward: (dy, inputs, _, attrs) => {
    const [x, weight, gate] = rmsNormGrad({ ...inputs, dy }, attrs) as [Tensor, Tensor, Tensor];
    return { x: () => x, weight: () => weight, gate: () => gate };
  },
}) as RmsNormKernel;
