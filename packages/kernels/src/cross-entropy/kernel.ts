import { defineKernel, type Kernel } from '@densessm/ssm-core';
import {
  add,
  cast,
  div,
  expandDims,
  gather,
  logSumExp,
  maximum,
  mul,
  neg,
  notEqual,
  range,
  reshape,
  scalar,
  scatterND,
  softmax,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
  where,
} from '@tensorflow/tfjs-core';
import { checkHostIds } from '../host-ids';

export interface CrossEntropyInputs {
  /** [M, V] */
  logits: Tensor2D;
  /** [M] int32 */
  targets: Tensor1D;
}
export interface CrossEntropyAttrs {
  /** Rows with this target count neither in the sum nor in the mean. */
  ignoreIndex: number;
  /** 'mean' gives one number, 'none' the loss of each row, 0 where ignored. */
  reduction: 'mean' | 'none';
}

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
  inputs: { logits: ['M', 'V'], targets: { dims: ['M'], dtype: 'int32' } },
  mend: 'flatten logits to [B·T, V] and the next tokens to [B·T]',
  attrs: { ignoreIndex: -100, reduction: 'mean' },
  check: ({ logits, targets }, { ignoreIndex }) => checkHostIds('SsmCrossEntropy', 'targets', targets, logits.shape[1], ignoreIndex),
  reference: ({ logits, targets }, { ignoreIndex, reduction }) =>
    tidy(() => {
      const { counts, places } = rowsOf(logits, targets, ignoreIndex);
      const loss = mul(sub(logSumExp(logits, 1), gather(reshape(logits, [-1]), places)), counts);
      return reduction === 'none' ? loss : div(sum(loss), maximum(sum(counts), 1));
    }),
  // dlogits = (softmax − 1 at the target) · dy, per row; under 'mean' dy is shared by the rows that count
  backward: (dy, { logits, targets }, _, { ignoreIndex, reduction }) => ({
    logits: () =>
      tidy(() => {
        const { counts, places } = rowsOf(logits, targets, ignoreIndex);
        const scale = reduction === 'none' ? mul(dy, counts) : mul(div(dy, maximum(sum(counts), 1)), counts);
        const atTargets = scatterND(expandDims(places, 1), neg(scale), [logits.size]);
        return add(mul(softmax(logits), expandDims(scale, 1)), reshape(atTargets, logits.shape));
      }),
  }),
});

/** 1 for a row that counts and 0 for an ignored one, [M], and the place of each row's target in the flattened logits, [M] int32. */
function rowsOf(logits: Tensor2D, targets: Tensor1D, ignoreIndex: number): { counts: Tensor1D; places: Tensor1D } {
  const [height, width] = logits.shape;
  const counts: Tensor1D = notEqual(targets, scalar(ignoreIndex, 'int32'));
  const inside = where<Tensor>(counts, targets, scalar(0, 'int32'));
  const starts = range(0, height * width, width, 'int32');
  return { counts: cast(counts, 'float32'), places: add(starts, inside) as Tensor1D };
}
