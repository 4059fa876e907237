import { defineKernel, type Kernel } from '@densessm/ssm-core';
import { add, mul, ones, reshape, slice, stack, type Tensor1D, type Tensor2D, type Tensor3D, tidy, transpose } from '@tensorflow/tfjs-core';
import { siluSlope } from '../activations/silu';
import { matMul } from '../matmul/kernel';
import { type DocumentMask, documentMaskOf } from './document-mask';
import {
  type CausalConv1dAttrs,
  type CausalConv1dInputs,
  checkConv,
  columns,
  convInputs,
  convolve,
  FIX,
  padTime,
  readBy,
  withTail,
} from './inputs';

export interface CausalConv1dGradInputs extends CausalConv1dInputs {
  /** Gradient of the output, [B, T, E]. */
  dy: Tensor3D;
  /** Gradient of the returned tail, [B, E, W−1]. */
  dTail: Tensor3D;
}
/** Shaped as x, w, bias and tail, whether or not the last two were given. */
export type CausalConv1dGradients = [dx: Tensor3D, dw: Tensor2D, dbias: Tensor1D, dtail: Tensor3D];

/** The gradients of the causal convolution, from the inputs before the activation computed again. */
export const causalConv1dGrad: Kernel<CausalConv1dGradInputs, CausalConv1dGradients, CausalConv1dAttrs> = /* @__PURE__ */ defineKernel<
  CausalConv1dGradInputs,
  CausalConv1dGradients,
  CausalConv1dAttrs
>({
  name: 'SsmCausalConv1dGrad',
  inputs: { ...convInputs, dy: ['B', 'T', 'E'], dTail: ['B', 'E', 'W−1'] },
  fix: FIX,
  attrs: { activation: 'none' },
  // a tail has the size of its gradient
  check: (inputs, attrs) => checkConv('SsmCausalConv1dGrad', { ...inputs, tail: inputs.dTail }, attrs),
  reference: (inputs, { activation }) =>
    tidy(() => {
      const { x, w, dy, dTail } = inputs;
      const [batch, length, channels] = x.shape;
      const before = w.shape[1] - 1;
      const past = withTail(inputs);
      const mask = documentMaskOf(inputs);
      // with z before the activation: dz = dy act'(z)
      const dz: Tensor3D = activation === 'silu' ? mul(dy, siluSlope(convolve(inputs, past, mask))) : dy;
      const dw = columns(w).map((_, j) => overRows(mul<Tensor3D>(dz, readBy(j, inputs, past, mask))));
      const dLast: Tensor3D = transpose(dTail, [0, 2, 1]);
      const dPast: Tensor3D = add(gradientOfPast(dz, w, mask), padTime(mask ? mul(dLast, mask.tail) : dLast, length, 0));
      return [
        slice(dPast, [0, before, 0], [batch, length, channels]),
        stack(dw, 1) as Tensor2D,
        overRows(dz),
        transpose(slice(dPast, [0, 0, 0], [batch, before, channels]), [0, 2, 1]),
      ];
    }),
});

/** An input meets column j of w in the output W−1−j places after it. [B, T, E] → [B, W−1+T, E] */
function gradientOfPast(dz: Tensor3D, w: Tensor2D, mask: DocumentMask | undefined): Tensor3D {
  const terms = columns(w).map((column, j) => {
    const term = mul<Tensor3D>(dz, column);
    return padTime(mask ? mul(term, mask.token(j)) : term, j, w.shape[1] - 1 - j);
  });
  return terms.reduce((total, term) => add(total, term));
}

/** [B, T, E] summed to [E], as a product: tfjs's sum over leading axes on wasm goes through a transpose. */
function overRows(x: Tensor3D): Tensor1D {
  const [batch, length, channels] = x.shape;
  const rows = reshape(x, [batch * length, channels]);
  return reshape(matMul({ a: ones([1, batch * length]), b: rows }), [channels]);
}
