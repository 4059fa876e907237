import { SsmError } from '@densessm/ssm-core';
import type { Tensor1D, Tensor2D, Tensor3D, Tensor4D, TensorInfo } from '@tensorflow/tfjs-core';

export interface SelectiveScanInputs {
  /** [B, T, E] */
  u: Tensor3D;
  /** Step sizes, softplus already applied. [B, T, E] */
  delta: Tensor3D;
  /** Negative: −exp(A_log). [E, N] */
  A: Tensor2D;
  /** [B, T, N], or [B, T, G, N] with one for each of G groups of E / G neighboring channels. */
  B: Tensor3D | Tensor4D;
  /** As B. */
  C: Tensor3D | Tensor4D;
  /** [E]; none is zero. */
  D?: Tensor1D;
  /** The state before the first token, [B, E, N]; none is zero. */
  h0?: Tensor3D;
  /** 1 at tokens before which the state is zero whatever came before, else 0. int32, [B, T] */
  documentStarts?: Tensor2D;
}

export interface SelectiveScanAttrs {
  /** How many values of the states [B, T, E, N] may exist at a time; the time axis is cut accordingly. The result does not depend on it. */
  stateValues: number;
  /** Where a backend that cuts time into chunks leaves the states that they start with, [B, chunks, N, E], for reads of the same states. */
  kept?: { starts?: TensorInfo };
}
/** 64 MiB: the scan holds about two such arrays, its gradient three, however long T is. */
export const scanAttrs: SelectiveScanAttrs = { stateValues: 2 ** 24 };

const perToken = {
  dims: [
    ['B', 'T', 'N'],
    ['B', 'T', 'G', 'N'],
  ],
} as const;

/** What the scan and its gradient both take. */
export const scanInputs = {
  u: ['B', 'T', 'E'],
  delta: ['B', 'T', 'E'],
  A: ['E', 'N'],
  B: perToken,
  C: perToken,
  D: { dims: ['E'], optional: true },
  h0: { dims: ['B', 'E', 'N'], optional: true },
  documentStarts: { dims: ['B', 'T'], optional: true, dtype: 'int32' },
} as const;

export const FIX = 'split the projections of one sequence of tokens; transpose [B, E, T] of other implementations to [B, T, E]';

export interface ScanSizes {
  readonly B: number;
  readonly T: number;
  readonly E: number;
  readonly N: number;
  readonly G: number;
}

export function sizesOf({ u, A, B }: Pick<SelectiveScanInputs, 'u' | 'A' | 'B'>): ScanSizes {
  const [batch, T, E] = u.shape;
  return { B: batch, T, E, N: A.shape[1], G: B.rank === 4 ? (B.shape[2] as number) : 1 };
}

/** @throws SsmError SHAPE where there is no token or channels do not fall into groups, OPTION */
export function checkScan(where: string, inputs: SelectiveScanInputs, { stateValues }: SelectiveScanAttrs): void {
  const { T, E, G } = sizesOf(inputs);
  const { B, C } = inputs;
  if (!(stateValues > 0))
    throw new SsmError({
      code: 'OPTION',
      what: `${where}: \`stateValues\` leaves no room for a state.`,
      expected: 'a number above 0',
      got: String(stateValues),
      fix: 'leave it out, or say how many values may exist at a time',
    });
  if (T > 0 && E % G === 0 && B.rank === C.rank) return;
  throw new SsmError({
    code: 'SHAPE',
    what: `${where}: ${T > 0 ? '`B` and `C` do not share the channels out' : 'there are no tokens'}.`,
    expected: T > 0 ? 'B and C of one rank, with a number of groups that divides E' : 'T ≥ 1',
    got: `E = ${E}, B [${B.shape.join(', ')}], C [${C.shape.join(', ')}]`,
    fix: T > 0 ? 'give both [B, T, N] or both [B, T, G, N]' : 'pass at least one token',
  });
}
