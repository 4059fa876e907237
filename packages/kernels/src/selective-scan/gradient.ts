import { defineKernel, type Kernel } from '@densessm/ssm-core';
import {
  add,
  clone,
  concat,
  dispose,
  mul,
  onesLike,
  reshape,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tidy,
  transpose,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { matMul } from '../matmul/kernel';
import {
  checkScan,
  MEND,
  type ScanSizes,
  type SelectiveScanAttrs,
  type SelectiveScanInputs,
  scanAttrs,
  scanInputs,
  sizesOf,
} from './inputs';
import {
  positionsOf,
  rowsOfA,
  rowsOfState,
  type Segment,
  type SegmentInputs,
  segmentInputs,
  segmentsOf,
  stateOfRows,
  tokensOf,
} from './layout';
import { chunkStarts, runChunks } from './recurrence';
import { readOut, type SegmentRecurrence, segmentRecurrence } from './segment';

export interface SelectiveScanGradInputs extends SelectiveScanInputs {
  /** Gradient of the outputs, [B, T, E]. */
  dy: Tensor3D;
  /** Gradient of the last state, [B, E, N]. */
  dhT: Tensor3D;
}
/** Shaped as the inputs, whether or not D and h0 were given. */
export type SelectiveScanGradients = [du: Tensor3D, dDelta: Tensor3D, dA: Tensor2D, dB: Tensor, dC: Tensor, dh0: Tensor3D, dD: Tensor1D];

/**
 * The gradients of the selective scan, with dh_t the gradient of h_t and w_t = a_t dh_t what it hands to h_(t−1):
 *   dh_t = C_t dy_t + w_(t+1), w_(T+1) = dhT, dh0 = w_1: the recurrence backwards in time;
 *   with x = delta u and q_t = w_t h_(t−1), the gradient of ln a_t:
 *   dB = Σ_e dh x,  dC = Σ_e dy h,  dx = Σ_n dh B,  dA = Σ_bt q delta,  du = delta dx + D dy,  dDelta = u dx + Σ_n q A,  dD = Σ_bt dy u.
 * States are computed again segment by segment, from the last to the first.
 */
export const selectiveScanGrad: Kernel<SelectiveScanGradInputs, SelectiveScanGradients, SelectiveScanAttrs> = /* @__PURE__ */ defineKernel<
  SelectiveScanGradInputs,
  SelectiveScanGradients,
  SelectiveScanAttrs
>({
  name: 'SsmSelectiveScanGrad',
  inputs: { ...scanInputs, dy: ['B', 'T', 'E'], dhT: ['B', 'E', 'N'] },
  mend: MEND,
  attrs: scanAttrs,
  check: (inputs, attrs) => checkScan('SsmSelectiveScanGrad', inputs, attrs),
  reference: (inputs, attrs) => tidy(() => gradients(inputs, attrs)),
});

/** One call: its inputs, their sizes, and A as [M, N, W]. */
interface Call {
  readonly inputs: SelectiveScanGradInputs;
  readonly sizes: ScanSizes;
  readonly A: Tensor3D;
}

/** Of one segment: gradients per token [B, S, ...], that of A [K, M, N, W], and what the segment hands to the one before, [1, M, N, W]. */
type SegmentGradients = { dx: Tensor3D; dDecay: Tensor3D; dB: Tensor3D; dC: Tensor3D; dA: Tensor; handed: Tensor };

function gradients(inputs: SelectiveScanGradInputs, { stateValues }: SelectiveScanAttrs): SelectiveScanGradients {
  const { u, delta, D, B, dy } = inputs;
  const sizes = sizesOf(inputs);
  const call = { inputs, sizes, A: rowsOfA(inputs.A, sizes) };
  const segments = segmentsOf(sizes, stateValues);
  const starts = segmentStarts(call, segments);
  const parts: SegmentGradients[] = [];
  let handed = rowsOfState(inputs.dhT, sizes);
  for (const [n, segment] of [...segments.entries()].reverse()) {
    const part = segmentGradients(call, segment, starts[n] as Tensor, handed);
    parts.unshift(part);
    handed = part.handed;
  }
  const perToken = (name: 'dx' | 'dDecay' | 'dB' | 'dC'): Tensor3D => {
    const tokens = parts.map((part) => part[name]);
    return concat(tokens, 1);
  };
  const dx = perToken('dx');
  const du: Tensor3D = mul(delta, dx);
  return [
    D ? (add(du, mul(D, dy)) as Tensor3D) : du,
    add(mul(u, dx), perToken('dDecay')),
    gradientOfA(parts, sizes),
    reshape(perToken('dB'), B.shape),
    reshape(perToken('dC'), B.shape),
    stateOfRows(handed, sizes),
    sum(mul(dy, u), [0, 1]),
  ];
}

/** The state [1, M, N, W] before each segment. */
function segmentStarts({ inputs, sizes, A }: Call, segments: Segment[]): Tensor[] {
  const starts = [rowsOfState(inputs.h0, sizes)];
  for (const [n, segment] of segments.slice(0, -1).entries()) {
    const end = tidy(() => {
      const recurrence = segmentRecurrence(segmentInputs(inputs, segment, sizes), A);
      return chunkStarts(recurrence, recurrence.total, starts[n] as Tensor)[1];
    });
    starts.push(end);
  }
  return starts;
}

/** From the state before the segment and what the segment after hands to it, both [1, M, N, W]. */
function segmentGradients({ inputs, sizes, A }: Call, segment: Segment, start: Tensor, handed: Tensor): SegmentGradients {
  const { B: batch, E, G } = sizes;
  return tidy(() => {
    const steps = segmentInputs(inputs, segment, sizes);
    const dy = positionsOf(inputs.dy, segment, [segment.K, batch * G, 1, E / G]);
    const recurrence = segmentRecurrence(steps, A);
    const { before, dC } = statesOf(recurrence, start, dy);
    const backward = backwardRun({ ...steps, recurrence, before, dy, A }, handed);
    const tokens = (positions: Tensor[]) => tokensOf(positions, segment, batch);
    const { dx, dDecay, dB, dA } = backward;
    return { dx: tokens(dx), dDecay: tokens(dDecay), dB: tokens(dB), dC: tokens(dC), dA, handed: backward.handed };
  });
}

/** The state before every position, [K, M, N, W], and dC = Σ_e dy h, [K, M, 1, N]. */
function statesOf(recurrence: SegmentRecurrence, start: Tensor, dy: Tensor[]): { before: Tensor[]; dC: Tensor[] } {
  const before = [chunkStarts(recurrence, recurrence.total, start)[0]];
  const dC: Tensor[] = [];
  runChunks(recurrence, before[0] as Tensor, (i, h) => {
    dC.push(matMul({ a: dy[i] as Tensor, b: h }, { transposeB: true }));
    before.push(clone(h));
  });
  return { before, dC };
}

interface BackwardInputs extends SegmentInputs {
  readonly recurrence: SegmentRecurrence;
  readonly before: readonly Tensor[];
  readonly dy: readonly Tensor[];
  readonly A: Tensor3D;
}

/** The recurrence of w_t = a_t (w_(t+1) + C_t dy_t) from the end of a segment to its start, and the gradients on the way. */
function backwardRun(steps: BackwardInputs, handed: Tensor) {
  const { recurrence, C, dy } = steps;
  const { decay, total } = recurrence;
  const positions = [...recurrence.positions].reverse();
  const gradientOfState = (i: number, w: Tensor) => add(w, mul(C[i] as Tensor, dy[i] as Tensor));
  const advance = (i: number, w: Tensor) => mul(decay[i] as Tensor, gradientOfState(i, w));
  const [arriving, leaving] = chunkStarts({ positions, advance }, total, handed, true);
  const lists = { dx: [] as Tensor[], dDecay: [] as Tensor[], dB: [] as Tensor[] };
  let [w, dA] = [arriving, zerosLike(total)];
  for (const i of positions) {
    const at = tidy(() => {
      const dh = gradientOfState(i, w);
      const next = mul(decay[i] as Tensor, dh);
      return { next, ...positionGradients(steps, i, dh, next, dA) };
    });
    dispose([w, dA]);
    [w, dA] = [at.next, at.dA];
    for (const name of ['dx', 'dDecay', 'dB'] as const) lists[name].unshift(at[name]);
  }
  return { ...lists, dA, handed: leaving };
}

/** At position i of every chunk: dx and q A summed over the state, both [K, M, 1, W], dB [K, M, 1, N], and dA with q delta added. */
function positionGradients({ drive, delta, B, before, A }: BackwardInputs, i: number, dh: Tensor, w: Tensor, dA: Tensor) {
  const q = mul(w, before[i] as Tensor);
  const b = B[i] as Tensor;
  return {
    dx: readOut(b, dh),
    dDecay: readOut(onesLike(b), mul(q, A)),
    dB: matMul({ a: drive[i] as Tensor, b: dh }, { transposeB: true }),
    dA: add(dA, mul(q, delta[i] as Tensor)),
  };
}

/** Σ over chunks and batch: [K, M, N, W] of every segment → [E, N]. */
function gradientOfA(parts: SegmentGradients[], { N, G, E }: ScanSizes): Tensor2D {
  const dA = parts.map((part) => sum(reshape(part.dA, [-1, G, N, E / G]), 0)).reduce((total, one) => add(total, one));
  return reshape(transpose(dA, [0, 2, 1]), [E, N]) as Tensor2D;
}
