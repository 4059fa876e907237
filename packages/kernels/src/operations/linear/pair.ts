import { defineKernel, type Kernel, SsmError } from '@densessm/ssm-core';
import { concat, reshape, split, type Tensor, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { matMul } from '../matmul/kernel';

export interface LinearPairInputs {
  /** [..., in] */
  x: Tensor;
  /** [out, in] */
  w: Tensor2D;
}
export interface LinearPairGradInputs extends LinearPairInputs {
  /** Gradients of both outputs. [..., first], [..., out − first] */
  dy0: Tensor;
  dy1: Tensor;
}
export interface LinearPairAttrs {
  /** Outputs of the first part. */
  first: number;
}

const FIX = 'weights are [out, in] as on disk; both parts have outputs';

const rows = (x: Tensor): Tensor2D => reshape(x, [-1, x.shape.at(-1) as number]);

function checkFirst({ w }: LinearPairInputs, { first }: LinearPairAttrs): void {
  if (first > 0 && first < w.shape[0]) return;
  throw new SsmError({
    code: 'OPTION',
    what: 'SsmLinearPair: a part has no outputs.',
    ...{ expected: `a first part of 1 to ${w.shape[0] - 1}`, got: String(first), fix: FIX },
  });
}

/**
 * y = x wᵀ in two parts, the first outputs and the others, each a tensor of its own: a split without a pass over y, and its gradient without one over dy.
 * [..., in] → [..., first], [..., out − first]. @throws SsmError SHAPE, DTYPE or OPTION
 */
export const linearPair: Kernel<LinearPairInputs, Tensor[], LinearPairAttrs> = /* @__PURE__ */ defineKernel<
  LinearPairInputs,
  Tensor[],
  LinearPairAttrs
>({
  name: 'SsmLinearPair',
  inputs: { x: ['...', 'in'], w: ['out', 'in'] },
  fix: FIX,
  attrs: { first: 1 },
  check: checkFirst,
  reference: ({ x, w }, { first }) =>
    tidy(() => {
      const y = reshape(matMul({ a: rows(x), b: w }, { transposeB: true }), [...x.shape.slice(0, -1), w.shape[0]]);
      return split(y, [first, w.shape[0] - first], -1);
    }),
  backward: ([dy0, dy1], { x, w }, _, attrs) => {
    const [dx, dw] = linearPairGrad({ x, w, dy0: dy0 as Tensor, dy1: dy1 as Tensor }, attrs) as [Tensor, Tensor];
    return { x: () => dx, w: () => dw };
  },
});

/** dx = dy w and dw = dyᵀ x, dy being both parts side by side. */
export const linearPairGrad: Kernel<LinearPairGradInputs, Tensor[], LinearPairAttrs> = /* @__PURE__ */ defineKernel<
  LinearPairGradInputs,
  Tensor[],
  LinearPairAttrs
>({
  name: 'SsmLinearPairGrad',
  inputs: { x: ['...', 'in'], w: ['out', 'in'], dy0: ['...', 'first'], dy1: ['...', 'second'] },
  fix: FIX,
  attrs: { first: 1 },
  check: checkFirst,
  reference: ({ x, w, dy0, dy1 }) =>
    tidy(() => {
      const dy = rows(concat([dy0, dy1], -1));
      return [reshape(matMul({ a: dy, b: w }), x.shape), matMul({ a: dy, b: rows(x) }, { transposeA: true })];
    }),
});
