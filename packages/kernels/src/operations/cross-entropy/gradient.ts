import { defineKernel, type Kernel } from '@densessm/ssm-core';
import {
  add,
  div,
  expandDims,
  maximum,
  mul,
  neg,
  reshape,
  scatterND,
  softmax,
  sum,
  type Tensor,
  type Tensor2D,
  tidy,
} from '@tensorflow/tfjs-core';
import { checkHostIds } from '../../host-ids';
import { type CrossEntropyAttrs, type CrossEntropyInputs, FIX, lossAttrs, lossInputs, rowsOf } from './inputs';

export interface CrossEntropyGradInputs extends CrossEntropyInputs {
  /** Gradient of the loss: one number under 'mean', [M] under 'none'. */
  dy: Tensor;
}

/** dlogits = (softmax − 1 at the target) · dy, per row; under 'mean' dy is shared by the rows that count. [M, V] */
export const crossEntropyGrad: Kernel<CrossEntropyGradInputs, Tensor2D, CrossEntropyAttrs> = /* @__PURE__ */ defineKernel<
  CrossEntropyGradInputs,
  Tensor2D,
  CrossEntropyAttrs
>({
  name: 'SsmCrossEntropyGrad',
  inputs: { ...lossInputs, dy: { dims: [[], ['M']] } },
  fix: FIX,
  attrs: lossAttrs,
  check: ({ logits, targets }, { ignoreIndex }) => checkHostIds('SsmCrossEntropyGrad', 'targets', targets, logits.shape[1], ignoreIndex),
  reference: ({ logits, targets, dy }, { ignoreIndex, reduction }) =>
    tidy(() => {
      const { counts, places } = rowsOf(logits, targets, ignoreIndex);
      const scale = reduction === 'none' ? mul(dy, counts) : mul(div(dy, maximum(sum(counts), 1)), counts);
      const atTargets = scatterND(expandDims(places, 1), neg(scale), [logits.size]);
      return add(mul(softmax(logits), expandDims(scale, 1)), reshape(atTargets, logits.shape)) as Tensor2D;
    }),
});
