/**
 * How the tfjs form of the scan lays out its tensors. Letters: B batch, T time, E channels, N state, G groups of channels that
 * share B and C, M = B·G rows, W = E/G channels of a row; a segment of S tokens is cut into K chunks of L positions.
 * Position i of every chunk is one tensor [K, M, N, W]: its slices are contiguous, and broadcasts and products run along W.
 */
import {
  concat,
  dispose,
  mul,
  ones,
  pad,
  reshape,
  slice,
  sub,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  tidy,
  transpose,
  zeros,
} from '@tensorflow/tfjs-core';
import type { ScanSizes, SelectiveScanInputs } from '../inputs';

/** Tokens from `start`; the last chunk is padded with tokens of delta = 0, which change no state: exp(0 A) = 1. */
export interface Segment {
  readonly start: number;
  readonly S: number;
  readonly K: number;
  readonly L: number;
}

/** One segment of a call, each list by position: delta and the driving delta u are [K, M, 1, W], B and C [K, M, N, 1]. */
export interface SegmentInputs {
  readonly delta: readonly Tensor[];
  readonly drive: readonly Tensor[];
  readonly B: readonly Tensor[];
  readonly C: readonly Tensor[];
  /** 0 at tokens before which the state starts anew, else 1, [K, M, 1, 1]; undefined where it never does. */
  readonly kept: readonly Tensor[] | undefined;
}

/** Segments of nearly equal length whose states hold at most `most` values, each cut into about as many chunks as positions. */
export function segmentsOf({ B, T, E, N }: ScanSizes, most: number): Segment[] {
  const S = Math.ceil(T / Math.ceil(T / Math.max(1, Math.floor(most / (B * E * N)))));
  const L = Math.ceil(Math.sqrt(S));
  return Array.from({ length: Math.ceil(T / S) }, (_, n) => {
    const tokens = Math.min(S, T - n * S);
    return { start: n * S, S: tokens, K: Math.ceil(tokens / L), L: Math.min(L, tokens) };
  });
}

/** Of x [B, T, ...] the tokens of a segment by position, each of the given shape starting with K. */
export function positionsOf(x: Tensor, { start, S, K, L }: Segment, shape: readonly number[]): Tensor[] {
  const [batch, T] = x.shape as [number, number];
  return tidy(() => {
    const flat: Tensor3D = reshape(x, [batch, T, -1]);
    const width = flat.shape[2];
    const segment = S === T ? flat : slice(flat, [0, start, 0], [batch, S, width]);
    const missing = K * L - S;
    const tokens = missing
      ? pad(segment, [
          [0, 0],
          [0, missing],
          [0, 0],
        ])
      : segment;
    const byPosition: Tensor2D = reshape(transpose(reshape(tokens, [batch, K, L, width]), [2, 1, 0, 3]), [L, -1]);
    return Array.from({ length: L }, (_, i) => reshape(slice(byPosition, [i, 0], [1, -1]), [...shape]));
  });
}

/** Back to [B, S, width] from the positions of a segment, each [K, B·width]; frees them. */
export function tokensOf(positions: Tensor[], { S, K, L }: Segment, batch: number): Tensor3D {
  const tokens = tidy(() => {
    const byPosition = concat(
      positions.map((x) => reshape(x, [1, K, batch, -1])),
      0,
    );
    const flat: Tensor3D = reshape(transpose(byPosition, [2, 1, 0, 3]), [batch, K * L, -1]);
    return S === K * L ? flat : slice(flat, [0, 0, 0], [batch, S, flat.shape[2]]);
  });
  dispose(positions);
  return tokens;
}

export function segmentInputs({ u, delta, B, C, documentStarts }: SelectiveScanInputs, segment: Segment, sizes: ScanSizes): SegmentInputs {
  const M = sizes.B * sizes.G;
  const row = [segment.K, M, 1, sizes.E / sizes.G];
  const column = [segment.K, M, sizes.N, 1];
  return tidy(() => ({
    delta: positionsOf(delta, segment, row),
    drive: positionsOf(mul(delta, u), segment, row),
    B: positionsOf(B, segment, column),
    C: positionsOf(C, segment, column),
    // padding stays 0 among the starts, and so keeps its state
    kept: documentStarts && positionsOf(perGroup(documentStarts, sizes), segment, [segment.K, M, 1, 1]).map((start) => sub(1, start)),
  }));
}

/** [B, T] → [B, T, G], the same for every group. */
const perGroup = (documentStarts: Tensor2D, { B, T, G }: ScanSizes): Tensor3D => mul(reshape(documentStarts, [B, T, 1]), ones([1, 1, G]));

/** A [E, N] as [M, N, W], once for every row of the batch. */
export function rowsOfA(A: Tensor2D, { B, N, G, E }: ScanSizes): Tensor3D {
  return tidy(() => reshape(mul(transpose(reshape(A, [1, G, E / G, N]), [0, 1, 3, 2]), ones([B, 1, 1, 1])), [B * G, N, E / G]));
}

/** A state [B, E, N] as [1, M, N, W]; zeros where there is none. */
export function rowsOfState(h: Tensor3D | undefined, { B, N, G, E }: ScanSizes): Tensor {
  if (!h) return zeros([1, B * G, N, E / G]);
  return tidy(() => transpose(reshape(h, [1, B * G, E / G, N]), [0, 1, 3, 2]));
}

/** [1, M, N, W] as a state [B, E, N]. */
export function stateOfRows(rows: Tensor, { B, N, E }: ScanSizes): Tensor3D {
  return tidy(() => reshape(transpose(rows, [0, 1, 3, 2]), [B, E, N]));
}
