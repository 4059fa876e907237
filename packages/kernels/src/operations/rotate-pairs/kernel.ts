import { defineKernel, type Kernel, SsmError } from '@densessm/ssm-core';
import {
  add,
  mul,
  neg,
  reshape,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tensor2d,
  tidy,
} from '@tensorflow/tfjs-core';
import { matMul } from '../matmul/kernel';

export interface RotatePairsInputs {
  /** K is even. [B, T, H, K] */
  x: Tensor4D;
  /** cos of each pair's angle. [T, 1, K] */
  cos: Tensor3D;
  /** sin of each pair's angle, negative for the first of a pair. [T, 1, K] */
  sin: Tensor3D;
}

export interface RotatePairsAttrs {
  /** Turns the other way round. */
  back: boolean;
}

/** (b, a) for every pair (a, b) by a product, which is exact, and on wasm many times faster than a reversal; with a narrow matrix, since its time grows with the width. */
function swapped(x: Tensor4D): Tensor4D {
  const keys = x.shape[3];
  const width = [8, 4].find((one) => keys % one === 0) ?? 2;
  const values = Float32Array.from({ length: width * width }, (_, i) => Number(i % width === (Math.floor(i / width) ^ 1)));
  const swap: Tensor2D = tensor2d(values, [width, width]);
  return reshape(matMul({ a: reshape(x, [-1, width]), b: swap }), x.shape);
}

/** What the products of two tensors [B, T, H, K] are together for each token and key. [T, 1, K] */
const ofTokens = (a: Tensor4D, b: Tensor4D): Tensor3D => tidy(() => reshape(sum(mul(a, b), [0, 2]), [a.shape[1], 1, a.shape[3]]));

/**
 * Rotates pairs by the angles of their tokens: (a, b) → (a cos − b sin, b cos + a sin). The positions of Sun et al. 2022, arXiv:2212.10554, and of Su et
 * al. 2021, arXiv:2104.09864. @throws SsmError SHAPE or DTYPE
 */
export const rotatePairs: Kernel<RotatePairsInputs, Tensor4D, RotatePairsAttrs> = /* @__PURE__ */ defineKernel<
  RotatePairsInputs,
  Tensor4D,
  RotatePairsAttrs
>({
  name: 'SsmRotatePairs',
  inputs: { x: ['B', 'T', 'H', 'K'], cos: ['T', 1, 'K'], sin: ['T', 1, 'K'] },
  fix: 'take cos and sin of as many tokens and keys as x has, each angle twice',
  attrs: { back: false },
  check: ({ x }) => {
    if (x.shape[3] % 2 === 0) return;
    throw new SsmError({
      code: 'SHAPE',
      what: 'SsmRotatePairs: `x` has no whole pairs.',
      ...{ expected: 'an even number of keys', got: String(x.shape[3]), fix: 'take an even key width' },
    });
  },
  reference: ({ x, cos, sin }, { back }) =>
    tidy(() => {
      const [along, across]: [Tensor, Tensor] = [mul(x, cos), mul(swapped(x), sin)];
      return (back ? sub(along, across) : add(along, across)) as Tensor4D;
    }),
  backward: (dy, { x, cos, sin }, _, { back }) => ({
    x: () => rotatePairs({ x: dy, cos, sin }, { back: !back }),
    cos: () => ofTokens(dy, x),
    sin: () => tidy(() => (back ? neg(ofTokens(dy, swapped(x))) : ofTokens(dy, swapped(x)))),
  }),
});
