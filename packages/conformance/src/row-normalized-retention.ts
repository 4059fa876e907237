import { matMul } from '@densessm/kernels';
import { decayLogarithms, type RetentionFn, retention } from '@densessm/retnet/retention';
import { SsmError } from '@densessm/ssm-core';
import {
  abs,
  clipByValue,
  clone,
  customGrad,
  div,
  mul,
  sum,
  type Tensor,
  type Tensor3D,
  type Tensor4D,
  tensor3d,
  tidy,
  transpose,
  zerosLike,
} from '@tensorflow/tfjs-core';

/** D_nm / √(Σ_m D_nm) with D_nm = γ^(n−m) for m ≤ n, else 0: the mask of the references' parallel mode. [H, T, T] */
export function normalizedMask(heads: number, length: number): Tensor3D {
  const mask = new Float32Array(heads * length * length);
  for (const [h, ln] of decayLogarithms(heads).entries()) {
    let rowSum = 0;
    for (let n = 0; n < length; n++) {
      rowSum += Math.exp(ln * n);
      for (let m = 0; m <= n; m++) mask[(h * length + n) * length + m] = Math.exp(ln * (n - m)) / Math.sqrt(rowSum);
    }
  }
  return tensor3d(mask, [heads, length, length]);
}

/** The value without its gradient: torch's detach. */
const detached = (x: Tensor): Tensor =>
  customGrad((same) => ({ value: clone(same as Tensor), gradFunc: (dy: Tensor) => zerosLike(dy) }))(x);

/** The output of torchscale's parallel_forward: (A / clamp(Σ|A|, 1, 5e4)) V, A = Q Kᵀ ⊙ mask, the divisor detached. */
export function parallelForward(q: Tensor4D, k: Tensor4D, v: Tensor4D): Tensor4D {
  return tidy(() => {
    const [qh, kh, vh] = [q, k, v].map((x) => transpose(x, [0, 2, 1, 3])) as [Tensor4D, Tensor4D, Tensor4D];
    const a = mul(matMul({ a: qh, b: kh }, { transposeB: true }), normalizedMask(q.shape[2], q.shape[1]));
    const rows = detached(clipByValue(sum(abs(a), -1, true), 1, 5e4));
    return transpose(matMul({ a: div(a, rows), b: vh }), [0, 2, 1, 3]) as Tensor4D;
  });
}

/** Retention as the references' parallel mode computes it, row normalizer included: for comparing with them, from position 0 only. */
export const rowNormalizedRetention: RetentionFn = (inputs, options) => {
  if (inputs.state) throw withState();
  return tidy(() => [parallelForward(inputs.q, inputs.k, inputs.v), retention(inputs, options)[1]]);
};

const withState = (): SsmError =>
  new SsmError({
    code: 'OPTION',
    what: 'rowNormalizedRetention: it cannot continue from a state.',
    expected: 'forward, which starts at position 0',
    got: 'advance',
    fix: 'leave options.retention out',
  });
