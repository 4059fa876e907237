import { defineKernel, type Kernel, SsmError } from '@densessm/ssm-core';
import { isRecording, liesOnHost } from '@densessm/ssm-core/internal';
import {
  add,
  cast,
  clone,
  concat,
  customGrad,
  dispose,
  div,
  maximum,
  mul,
  notEqual,
  onesLike,
  type Scalar,
  scalar,
  slice,
  sum,
  type Tensor,
  type Tensor2D,
  tidy,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { checkHostIds } from '../../host-ids';
import { crossEntropyGrad } from '../cross-entropy/gradient';
import { crossEntropy } from '../cross-entropy/kernel';
import { matMul } from '../matmul/kernel';
import { type LinearCrossEntropyAttrs, type LinearCrossEntropyInputs, rowsOfChunk } from './inputs';

export interface LinearCrossEntropyKernelAttrs extends LinearCrossEntropyAttrs {
  /** Whether to return dx and dw beside the loss. */
  gradients: boolean;
}

/**
 * The loss, and where asked for its gradients, chunk by chunk of rows. Since logits are made once for both, this takes three products, as
 * without fusion, and not four as a backward that makes them again.
 */
export const linearCrossEntropyKernel: Kernel<LinearCrossEntropyInputs, Tensor[], LinearCrossEntropyKernelAttrs> =
  /* @__PURE__ */ defineKernel<LinearCrossEntropyInputs, Tensor[], LinearCrossEntropyKernelAttrs>({
    name: 'SsmLinearCrossEntropy',
    inputs: { x: ['M', 'D'], w: ['V', 'D'], targets: { dims: ['M'], dtype: 'int32' } },
    fix: 'flatten what the head reads to [B·T, D] and the next tokens to [B·T]; the head is [V, D]',
    // 64 MiB of logits
    attrs: { ignoreIndex: -100, logitValues: 2 ** 24, gradients: false },
    check: ({ targets, w }, { ignoreIndex, logitValues }) => {
      if (!(logitValues > 0)) throw noRoom(logitValues);
      checkHostIds('SsmLinearCrossEntropy', 'targets', targets, w.shape[0], ignoreIndex);
    },
    reference: (inputs, attrs) => tidy(() => lossAndGradients(inputs, attrs)),
  });

/**
 * Mean negative log likelihood of the targets under softmax(x wᵀ), 0 if all are ignored: `crossEntropy` of `linear` without an array
 * [M, V]. x [M, D], w [V, D], targets [M] int32 → scalar. Inside of a loss it computes the gradients of x and w with it, and
 * keeps those.
 * @throws SsmError SHAPE, DTYPE, OPTION; TOKENS for a target outside [0, V) that is not ignoreIndex, where tensors lie in host memory.
 */
export function linearCrossEntropy({ x, w, targets }: LinearCrossEntropyInputs, attrs: Partial<LinearCrossEntropyAttrs> = {}): Scalar {
  if (!isRecording()) return linearCrossEntropyKernel({ x, w, targets }, attrs)[0] as Scalar;
  const both = customGrad((...args) => {
    const [rows, head, save] = args as unknown as [Tensor2D, Tensor2D, (tensors: Tensor[]) => void];
    const given = { x: rows, w: head, targets };
    const [value, dx, dw] = linearCrossEntropyKernel(given, { ...attrs, gradients: true }) as [Scalar, Tensor2D, Tensor2D];
    save([dx, dw]);
    return { value, gradFunc: (dy, saved) => saved.map((gradient) => (isOne(dy) ? clone(gradient) : mul(gradient, dy))) };
  });
  return both(x, w) as Scalar;
}

/** Whether a number is known to be 1, as where this is the whole loss: then no second [V, D] is made. */
const isOne = (x: Tensor): boolean => liesOnHost() && x.dataSync()[0] === 1;

/** [loss], or [loss, dx, dw]. */
function lossAndGradients(inputs: LinearCrossEntropyInputs, attrs: LinearCrossEntropyKernelAttrs): Tensor[] {
  const { x, w, targets } = inputs;
  const share = div<Scalar>(1, maximum(sum(cast(notEqual(targets, scalar(attrs.ignoreIndex, 'int32')), 'float32')), 1));
  const size = rowsOfChunk(inputs, attrs);
  const [height, width] = x.shape;
  const dx: Tensor2D[] = [];
  let sums: Tensor[] = attrs.gradients ? [scalar(0), zerosLike(w)] : [scalar(0)];
  for (let row = 0; row < height; row += size) {
    const rows = Math.min(size, height - row);
    const [rowsOfX, terms] = tidy(() =>
      ofChunk({ x: slice(x, [row, 0], [rows, width]), w, targets: slice(targets, [row], [rows]) }, share, attrs),
    );
    dx.push(...rowsOfX);
    const before = sums;
    sums = before.map((one, i) => add(one, terms[i] as Tensor));
    dispose([before, terms]);
  }
  const [loss, dw] = sums as [Tensor, Tensor];
  return attrs.gradients ? [loss, dx.length > 0 ? concat(dx, 0) : zerosLike(x), dw] : [loss];
}

/** Its rows of dx, and what it adds to the loss and to dw. */
function ofChunk(
  { x, w, targets }: LinearCrossEntropyInputs,
  share: Scalar,
  { ignoreIndex, gradients }: LinearCrossEntropyKernelAttrs,
): [dx: Tensor2D[], terms: Tensor[]] {
  const logits = matMul({ a: x, b: w }, { transposeB: true }) as Tensor2D;
  const attrs = { ignoreIndex, reduction: 'none' } as const;
  const loss = mul(sum(crossEntropy({ logits, targets }, attrs)), share);
  if (!gradients) return [[], [loss]];
  const dlogits = crossEntropyGrad({ logits, targets, dy: mul(onesLike(cast(targets, 'float32')), share) }, attrs);
  return [[matMul({ a: dlogits, b: w }) as Tensor2D], [loss, matMul({ a: dlogits, b: x }, { transposeA: true })]];
}

const noRoom = (got: number): SsmError =>
  new SsmError({
    code: 'OPTION',
    what: 'SsmLinearCrossEntropy: `logitValues` leaves no room for a logit.',
    expected: 'a number above 0',
    got: String(got),
    fix: 'leave it out, or say how many logits may exist at a time',
  });
