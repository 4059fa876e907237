import { defineKernel, type Kernel, SsmError } from '@densessm/ssm-core';
import { type Tensor, matMul as tfMatMul } from '@tensorflow/tfjs-core';

export interface MatMulInputs {
  /** [..., M, K], or [..., K, M] with transposeA */
  a: Tensor;
  /** [..., K, N], or [..., N, K] with transposeB; the same leading sizes as a */
  b: Tensor;
}
export interface MatMulAttrs {
  transposeA: boolean;
  transposeB: boolean;
}

/**
 * Matrix product of any rank ≥ 2, batched over equal leading sizes. [..., M, K] × [..., K, N] → [..., M, N].
 * Replaces tfjs's own on wasm, whose transposed and batched forms are slow and which keeps stale copies of weights that change in place.
 */
export const matMul: Kernel<MatMulInputs, Tensor, MatMulAttrs> = /* @__PURE__ */ defineKernel<MatMulInputs, Tensor, MatMulAttrs>({
  name: 'SsmMatMul',
  inputs: { a: ['...', 'rowsA', 'columnsA'], b: ['...', 'rowsB', 'columnsB'] },
  fix: 'a and b need equal leading sizes and a shared inner size; broadcast with tile() before',
  attrs: { transposeA: false, transposeB: false },
  check: ({ a, b }, { transposeA, transposeB }) => {
    const inner = a.shape.at(transposeA ? -2 : -1);
    if (inner !== b.shape.at(transposeB ? -1 : -2)) throw innerMismatch(a, b, transposeA, transposeB);
  },
  reference: ({ a, b }, { transposeA, transposeB }) => tfMatMul(a, b, transposeA, transposeB),
  // C = A B: dA = dC Bᵀ, dB = Aᵀ dC; a transposed operand gets the transpose of its gradient
  backward: (dy, { a, b }, _, { transposeA, transposeB }) => ({
    a: () =>
      transposeA
        ? matMul({ a: b, b: dy }, { transposeA: transposeB, transposeB: true })
        : matMul({ a: dy, b }, { transposeB: !transposeB }),
    b: () =>
      transposeB
        ? matMul({ a: dy, b: a }, { transposeA: true, transposeB: transposeA })
        : matMul({ a, b: dy }, { transposeA: !transposeA }),
  }),
});

const innerMismatch = (a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): SsmError =>
  new SsmError({
    code: 'SHAPE',
    what: 'SsmMatMul: the inner sizes differ.',
    expected: `${transposeA ? 'a transposed' : 'a'} with as many columns as ${transposeB ? 'b transposed' : 'b'} has rows`,
    got: `a [${a.shape.join(', ')}], b [${b.shape.join(', ')}]`,
    fix: 'check transposeA and transposeB',
  });
