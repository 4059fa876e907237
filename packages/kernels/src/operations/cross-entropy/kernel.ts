import { defineKernel, type Kernel } from '@densessm/ssm-core';
import { div, gather, logSumExp, maximum, mul, reshape, sub, sum, type Tensor, tidy } from '@tensorflow/tfjs-core';
import { checkHostIds } from '../../host-ids';
import { crossEntropyGrad } from './gradient';
import { type CrossEntropyAttrs, type CrossEntropyInputs, FIX, lossAttrs, lossInputs, rowsOf } from './inputs';

/**
 * Negative log likelihood of the targets: −log softmax(logits)[target], for each row or their mean (0 if all are ignored).
 * logits [M, V], targets [M] int32 → scalar or [M]. Keeps no second [M, V] array between forward and backward.
 * @throws SsmError TOKENS for a target outside [0, V) that is not ignoreIndex, on backends that keep tensors in host memory.
 */
export const crossEntropy: Kernel<CrossEntropyInputs, Tensor, CrossEntropyAttrs> = /* @__PURE__ */ defineKernel<
  CrossEntropyInputs,
  Tensor,
  CrossEntropyAttrs
>({
  name: 'SsmCrossEntropy',
  inputs: lossInputs,
  fix: FIX,
  attrs: lossAttrs,
  check: ({ logits, targets }, { ignoreIndex }) => checkHostIds('SsmCrossEntropy', 'targets', targets, logits.shape[1], ignoreIndex),
  reference: ({ logits, targets }, { ignoreIndex, reduction }) =>
    tidy(() => {
      const { counts, places } = rowsOf(logits, targets, ignoreIndex);
      const loss = mul(sub(logSumExp(logits, 1), gather(reshape(logits, [-1]), places)), counts);
      return reduction === 'none' ? loss : div(sum(loss), maximum(sum(counts), 1));
    }),
  backward: (dy, { logits, targets }, _, attrs) => ({ logits: () => crossEntropyGrad({ logits, targets, dy }, attrs) }),
});
