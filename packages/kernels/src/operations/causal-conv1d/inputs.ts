import { SsmError } from '@densessm/ssm-core';
import { add, concat, mul, pad, reshape, slice, type Tensor1D, type Tensor2D, type Tensor3D, tidy, transpose } from '@tensorflow/tfjs-core';
import type { DocumentMask } from './document-mask';

export interface CausalConv1dInputs {
  /** [B, T, E] */
  x: Tensor3D;
  /** One filter per channel, its last column for the newest input. [E, W] */
  w: Tensor2D;
  /** [E] */
  bias?: Tensor1D;
  /** The W − 1 inputs before x, newest last, [B, E, W−1]; zero where left out. */
  tail?: Tensor3D;
  /** 1 at tokens from which no input before them is seen, else 0. int32, [B, T] */
  documentStarts?: Tensor2D;
}
export interface CausalConv1dAttrs {
  activation: 'none' | 'silu';
}

/** What the convolution and its gradient both take. */
export const convInputs = {
  x: ['B', 'T', 'E'],
  w: ['E', 'W'],
  bias: { dims: ['E'], optional: true },
  tail: { dims: ['B', 'E', 'W−1'], optional: true },
  documentStarts: { dims: ['B', 'T'], optional: true, dtype: 'int32' },
} as const;

export const FIX = 'w is [channels, width]: drop the middle axis of the filter on disk; tail comes from the call before';

/** @throws SsmError SHAPE or OPTION */
export function checkConv(where: string, { x, w, tail }: CausalConv1dInputs, { activation }: CausalConv1dAttrs): void {
  const [T, W] = [x.shape[1], w.shape[1]];
  if (T === 0 || W === 0 || (tail && tail.shape[2] !== W - 1))
    throw new SsmError({
      code: 'SHAPE',
      what: `${where}: the lengths of x, w and tail do not fit.`,
      expected: 'x [B, T, E] with T ≥ 1, w [E, W] with W ≥ 1, tail [B, E, W−1]',
      got: [x, w, ...(tail ? [tail] : [])].map(({ shape }) => `[${shape.join(', ')}]`).join(', '),
      fix: FIX,
    });
  if (activation === 'none' || activation === 'silu') return;
  throw new SsmError({
    code: 'OPTION',
    what: `${where}: there is no such \`activation\`.`,
    expected: "'none' or 'silu'",
    got: JSON.stringify(activation) ?? 'undefined',
    fix: 'apply any other activation to the output',
  });
}

/** The tail and x, time along the second axis. [B, W−1+T, E] */
export function withTail({ x, w, tail }: CausalConv1dInputs): Tensor3D {
  const before = w.shape[1] - 1;
  if (before === 0) return x;
  return tidy(() => (tail ? concat([transpose(tail, [0, 2, 1]), x], 1) : padTime(x, before, 0)));
}

/** Zeros before and after along the time axis of [B, T, E]. */
export function padTime(x: Tensor3D, before: number, after: number): Tensor3D {
  const none: [number, number] = [0, 0];
  return pad(x, [none, [before, after], none]);
}

/** What column j of w reads: x_(t−W+1+j) for every t, 0 where a start lies between. [B, T, E] */
export function readBy(j: number, { x }: CausalConv1dInputs, past: Tensor3D, mask: DocumentMask | undefined): Tensor3D {
  const inputs = slice(past, [0, j, 0], x.shape);
  return mask ? mul(inputs, mask.token(j)) : inputs;
}

/** bias + Σ_j w_j x_(t−W+1+j), [B, T, E]. */
export function convolve(inputs: CausalConv1dInputs, past: Tensor3D, mask: DocumentMask | undefined): Tensor3D {
  const { w, bias } = inputs;
  return tidy(() => {
    const terms = columns(w).map((column, j) => mul<Tensor3D>(readBy(j, inputs, past, mask), column));
    const y = terms.reduce((total, term) => add(total, term));
    return bias ? add(y, bias) : y;
  });
}

/** The columns of w, each [E]. (The gradient of tfjs's unstack fails for a single row.) */
export function columns(w: Tensor2D): Tensor1D[] {
  const [channels, width] = w.shape;
  const rows = transpose(w);
  return Array.from({ length: width }, (_, j) => reshape(slice(rows, [j, 0], [1, channels]), [channels]));
}
