import { defineKernel, type Kernel } from '@densessm/ssm-core';
import { mul, slice, type Tensor3D, tidy, transpose } from '@tensorflow/tfjs-core';
import { silu } from '../activations/activations';
import { type DocumentMask, documentMaskOf } from './document-mask';
import { causalConv1dGrad } from './gradient';
import { type CausalConv1dAttrs, type CausalConv1dInputs, checkConv, convInputs, convolve, FIX, withTail } from './inputs';

/** y [B, T, E] and the tail for the next call, [B, E, W−1]. */
export type CausalConv1dOutputs = [y: Tensor3D, tail: Tensor3D];

/**
 * Depthwise causal convolution, Mamba arXiv:2312.00752 §3.4: y_t = act(bias + Σ_j w_j x_(t−W+1+j)). Any W ≥ 1, any T ≥ 1.
 * Where `documentStarts` is 1, the inputs before count as zero from there on, also in the tail for the next call.
 * @throws SsmError SHAPE, DTYPE or OPTION
 */
export const causalConv1d: Kernel<CausalConv1dInputs, CausalConv1dOutputs, CausalConv1dAttrs> = /* @__PURE__ */ defineKernel<
  CausalConv1dInputs,
  CausalConv1dOutputs,
  CausalConv1dAttrs
>({
  name: 'SsmCausalConv1d',
  inputs: convInputs,
  fix: FIX,
  attrs: { activation: 'none' },
  check: (inputs, attrs) => checkConv('SsmCausalConv1d', inputs, attrs),
  reference: (inputs, { activation }) =>
    tidy(() => {
      const past = withTail(inputs);
      const mask = documentMaskOf(inputs);
      const y = convolve(inputs, past, mask);
      return [activation === 'silu' ? silu(y) : y, lastOf(past, inputs, mask)];
    }),
  backward: ([dy, dTail], inputs, _, attrs) => {
    const [x, w, bias, tail] = causalConv1dGrad({ ...inputs, dy, dTail }, attrs);
    return { x: () => x, w: () => w, bias: () => bias, tail: () => tail };
  },
});

/** The last W − 1 of the inputs so far. [B, E, W−1] */
function lastOf(past: Tensor3D, { x, w }: CausalConv1dInputs, mask: DocumentMask | undefined): Tensor3D {
  const [batch, length, channels] = x.shape;
  const last = slice(past, [0, length, 0], [batch, w.shape[1] - 1, channels]);
  const seen: Tensor3D = mask ? mul(last, mask.tail) : last;
  return transpose(seen, [0, 2, 1]);
}
