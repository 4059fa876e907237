import { SsmError } from '@densessm/ssm-core';
import {
  reshape,
  slice,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tidy,
  transpose,
} from '@tensorflow/tfjs-core';

export interface DecayScanInputs {
  /** [B, T, H, K] */
  q: Tensor4D;
  /** [B, T, H, K] */
  k: Tensor4D;
  /** [B, T, H, V] */
  v: Tensor4D;
  /** ln a ≤ 0: [B, T, H], or [H] where each head decays at a constant rate. */
  logDecay: Tensor3D | Tensor1D;
  /** The state before the first token, [B, H, K, V]; none is zero. */
  s0?: Tensor4D;
  /** 1 at tokens before which the state is zero whatever came before, else 0. int32, [B, T] */
  documentStarts?: Tensor2D;
}
export interface DecayScanAttrs {
  /** Tokens per chunk: 1 is the recurrent form, T or more the parallel one. The result does not depend on it. */
  chunkSize: number;
}

/** What the scan and its gradient both take. */
export const scanInputs = {
  q: ['B', 'T', 'H', 'K'],
  k: ['B', 'T', 'H', 'K'],
  v: ['B', 'T', 'H', 'V'],
  logDecay: { dims: [['B', 'T', 'H'], ['H']] },
  s0: { dims: ['B', 'H', 'K', 'V'], optional: true },
  documentStarts: { dims: ['B', 'T'], optional: true, dtype: 'int32' },
} as const;

export const FIX = 'split q, k and v of one sequence of tokens into heads, [B, T, H, width]; logDecay is [B, T, H] or [H]';

/** @throws SsmError SHAPE or OPTION */
export function checkScan(where: string, { q }: DecayScanInputs, { chunkSize }: DecayScanAttrs): void {
  if (q.shape[1] === 0)
    throw new SsmError({
      code: 'SHAPE',
      what: `${where}: there are no tokens.`,
      expected: 'T ≥ 1',
      got: `q [${q.shape.join(', ')}]`,
      fix: 'pass at least one token',
    });
  if (Number.isInteger(chunkSize) && chunkSize >= 1) return;
  throw new SsmError({
    code: 'OPTION',
    what: `${where}: \`chunkSize\` is no number of tokens.`,
    expected: 'an integer ≥ 1',
    got: String(chunkSize),
    fix: 'leave it out, or give 1 for the recurrent form and the length of the text for the parallel one',
  });
}

/** Tokens [start, start + length) of a sequence. */
export interface Span {
  readonly start: number;
  readonly length: number;
}

/** The chunks of T tokens; the last may be shorter. */
export const spansOf = (T: number, chunkSize: number): Span[] =>
  Array.from({ length: Math.ceil(T / chunkSize) }, (_, n) => ({ start: n * chunkSize, length: Math.min(chunkSize, T - n * chunkSize) }));

/** The tokens of a span with the heads in front: of x [B, T, H, width], [B, H, C, width]. */
export const headsOf = (x: Tensor4D, span: Span): Tensor4D => tidy(() => transpose(cut(x, span), [0, 2, 1, 3]));

/** ln a of a span: [B, H, C], or [1, H, 1] where it is constant. */
export function logDecayOf(logDecay: Tensor3D | Tensor1D, span: Span): Tensor3D {
  return tidy(() => (logDecay.rank === 1 ? reshape(logDecay, [1, -1, 1]) : transpose(cut(logDecay as Tensor3D, span), [0, 2, 1])));
}

/** Back from [B, H, C, width] to [B, C, H, width]. */
export const tokensOf = (x: Tensor): Tensor4D => transpose(x as Tensor4D, [0, 2, 1, 3]);

function cut<X extends Tensor>(x: X, { start, length }: Span): X {
  const [batch, T, ...rest] = x.shape as [number, number, ...number[]];
  if (length === T) return x;
  return slice(x, [0, start, ...rest.map(() => 0)], [batch, length, ...rest]);
}
