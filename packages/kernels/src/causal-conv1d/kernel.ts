import { defineKernel, type Kernel } from '@densessm/ssm-core';
import {
  add,
  concat,
  mul,
  pad,
  reshape,
  slice,
  stack,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tidy,
  transpose,
} from '@tensorflow/tfjs-core';
import { silu, siluSlope } from '../activations/activations';

export interface CausalConv1dInputs {
  /** [B, T, E] */
  x: Tensor3D;
  /** One filter per channel, its last column for the newest input. [E, W] */
  w: Tensor2D;
  /** [E] */
  bias?: Tensor1D;
  /** The W − 1 inputs before x, newest last, [B, E, W−1]; zero where left out. */
  tail?: Tensor3D;
}
export interface CausalConv1dAttrs {
  activation: 'none' | 'silu';
}

/**
 * Depthwise causal convolution, Mamba arXiv:2312.00752 §3.4: y_t = act(bias + Σ_j w_j x_(t−W+1+j)).
 * Returns y [B, T, E] and the tail for the next call [B, E, W−1]. Any W ≥ 1, any T ≥ 1.
 * @throws SsmError SHAPE or DTYPE
 */
export const causalConv1d: Kernel<CausalConv1dInputs, [Tensor3D, Tensor3D], CausalConv1dAttrs> = /* @__PURE__ */ defineKernel<
  CausalConv1dInputs,
  [Tensor3D, Tensor3D],
  CausalConv1dAttrs
>({
  name: 'SsmCausalConv1d',
  inputs: {
    x: ['B', 'T', 'E'],
    w: ['E', 'W'],
    bias: { dims: ['E'], optional: true },
    tail: { dims: ['B', 'E', 'W−1'], optional: true },
  },
  mend: 'w is [channels, width]: drop the middle axis of the filter on disk; tail comes from the call before',
  attrs: { activation: 'none' },
  reference: (inputs, { activation }) =>
    tidy(() => {
      const past = withTail(inputs);
      const y = convolve(inputs, past);
      return [activation === 'silu' ? silu(y) : y, tailOf(past, inputs)];
    }),
  backward: ([dy, dTail], inputs, _, { activation }) => {
    const { x, w } = inputs;
    const [batch, length, channels] = x.shape;
    const before = w.shape[1] - 1;
    // with z before the activation: dz = dy act'(z)
    const slope = (): Tensor3D => (activation === 'silu' ? mul(dy, siluSlope(convolve(inputs, withTail(inputs)))) : dy);
    // an input meets column j of w in the output that stands W−1−j places after it
    const dPast = () => {
      const dz = slope();
      const terms = columns(w).map((column, j) =>
        pad(mul(dz, column), [
          [0, 0],
          [j, before - j],
          [0, 0],
        ]),
      );
      return terms.reduce(
        (total, term) => add(total, term),
        pad(transpose(dTail, [0, 2, 1]), [
          [0, 0],
          [length, 0],
          [0, 0],
        ]),
      );
    };
    return {
      x: () => tidy(() => slice(dPast(), [0, before, 0], [batch, length, channels])),
      tail: () => tidy(() => transpose(slice(dPast(), [0, 0, 0], [batch, before, channels]), [0, 2, 1])),
      w: () =>
        tidy(() => {
          const [dz, past] = [slope(), withTail(inputs)];
          const perColumn = columns(w).map((_column, j) => overRows(mul(dz, slice(past, [0, j, 0], [batch, length, channels]))));
          return stack(perColumn, 1);
        }),
      bias: () => tidy(() => overRows(slope())),
    };
  },
});

/** The tail and x, time along the second axis. [B, W−1+T, E] */
function withTail({ x, w, tail }: CausalConv1dInputs): Tensor3D {
  const before = w.shape[1] - 1;
  if (before === 0) return x;
  return tail
    ? concat([transpose(tail, [0, 2, 1]), x], 1)
    : pad(x, [
        [0, 0],
        [before, 0],
        [0, 0],
      ]);
}

/** The last W − 1 of the inputs so far. [B, E, W−1] */
function tailOf(past: Tensor3D, { x, w }: CausalConv1dInputs): Tensor3D {
  const [batch, length, channels] = x.shape;
  return transpose(slice(past, [0, length, 0], [batch, w.shape[1] - 1, channels]), [0, 2, 1]);
}

/** bias + Σ_j w_j x_(t−W+1+j), [B, T, E]. */
function convolve({ x, w, bias }: CausalConv1dInputs, past: Tensor3D): Tensor3D {
  const terms = columns(w).map((column, j) => mul<Tensor3D>(slice(past, [0, j, 0], x.shape), column));
  const y = terms.reduce((total, term) => add(total, term));
  return bias ? add(y, bias) : y;
}

/** The columns of w, each [E]. (The gradient of tfjs's unstack fails for a single row.) */
function columns(w: Tensor2D): Tensor1D[] {
  const [channels, width] = w.shape;
  const rows = transpose(w);
  return Array.from({ length: width }, (_, j) => reshape(slice(rows, [j, 0], [1, channels]), [channels]));
}

/** [B, T, E] summed to [E]. */
const overRows = (x: Tensor): Tensor1D => sum(reshape(x, [-1, x.shape.at(-1) as number]), 0);
