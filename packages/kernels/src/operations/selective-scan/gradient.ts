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
  type Tensor4D,
  tidy,
  transpose,
  unstack,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { matMul } from '../matmul/kernel';
import {
  checkScan,
  FIX,
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
} from './reference/layout';
import { chunkStarts, runChunks } from './reference/recurrence';
import { readOut, type SegmentRecurrence, segmentRecurrence } from './reference/segment';

export interface SelectiveScanGradInputs extends SelectiveScanInputs {
  /** Gradient of the outputs, [B, T, E]. */
  dy: Tensor3D;
  /** Gradient of the last state, [B, E, N]. */
  dhT: Tensor3D;
  /** Gradients of what others read from the same states, [R, B, T, E], and the C through which they did, [R, B, T, (G,) N]. */
  dyReads?: Tensor4D;
  CReads?: Tensor;
}
/** What {@link selectiveScanGradOfC} reads. */
export type SelectiveScanGradOfCInputs = Omit<SelectiveScanInputs, 'C' | 'D'> &
  Pick<SelectiveScanGradInputs, 'dy'> & {
    /** What the scan kept, if it did: see {@link SelectiveScanAttrs}. */
    starts?: Tensor4D;
  };
/** Shaped as the inputs, whether or not D and h0 were given. */
export type SelectiveScanGradients = [du: Tensor3D, dDelta: Tensor3D, dA: Tensor2D, dB: Tensor, dC: Tensor, dh0: Tensor3D, dD: Tensor1D];

/**
 * The gradients of the selective scan, with dh_t the gradient of h_t and w_t = a_t dh_t what it hands to h_(t−1):
 *   dh_t = C_t dy_t + w_(t+1), w_(T+1) = dhT, dh0 = w_1: the recurrence backwards in time; C_t dy_t of every other read is added;
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
  inputs: {
    ...scanInputs,
    dy: ['B', 'T', 'E'],
    dhT: ['B', 'E', 'N'],
    dyReads: { dims: ['R', 'B', 'T', 'E'], optional: true },
    CReads: {
      dims: [
        ['R', 'B', 'T', 'N'],
        ['R', 'B', 'T', 'G', 'N'],
      ],
      optional: true,
    },
  },
  fix: FIX,
  attrs: scanAttrs,
  check: (inputs, attrs) => checkScan('SsmSelectiveScanGrad', inputs, attrs),
  reference: (inputs, attrs) => tidy(() => gradients(inputs, attrs)),
});

const { C: _, D: __, ...inputsOfStates } = scanInputs;

/** dC = Σ_e dy h alone, of a read of states whose other gradients {@link selectiveScanGrad} takes on: half the work. Shaped as B. */
export const selectiveScanGradOfC: Kernel<SelectiveScanGradOfCInputs, Tensor, SelectiveScanAttrs> = /* @__PURE__ */ defineKernel<
  SelectiveScanGradOfCInputs,
  Tensor,
  SelectiveScanAttrs
>({
  name: 'SsmSelectiveScanGradOfC',
  inputs: { ...inputsOfStates, dy: ['B', 'T', 'E'], starts: { dims: ['B', 'chunks', 'N', 'E'], optional: true } },
  fix: FIX,
  attrs: scanAttrs,
  check: (inputs, attrs) => checkScan('SsmSelectiveScanGradOfC', { ...inputs, C: inputs.B }, attrs),
  reference: (inputs, attrs) => tidy(() => gradientOfC(inputs, attrs)),
});

/** One call: its inputs, their sizes, and A as [M, N, W]. */
interface Call {
  readonly inputs: SelectiveScanInputs & Pick<SelectiveScanGradInputs, 'dy' | 'dyReads' | 'CReads'>;
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
  const documentStarts = segmentStarts(call, segments);
  const parts: SegmentGradients[] = [];
  let handed = rowsOfState(inputs.dhT, sizes);
  for (const [n, segment] of [...segments.entries()].reverse()) {
    const part = segmentGradients(call, segment, documentStarts[n] as Tensor, handed);
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

function gradientOfC(given: SelectiveScanGradOfCInputs, { stateValues }: SelectiveScanAttrs): Tensor {
  const inputs = { ...given, C: given.B }; // which is not read
  const sizes = sizesOf(inputs);
  const call = { inputs, sizes, A: rowsOfA(inputs.A, sizes) };
  const segments = segmentsOf(sizes, stateValues);
  const documentStarts = segmentStarts(call, segments);
  const parts = segments.map((segment, n) =>
    tidy(() => {
      const recurrence = segmentRecurrence(segmentInputs(inputs, segment, sizes), call.A);
      return tokensOf(statesOf(recurrence, documentStarts[n] as Tensor, gradientsOfRead(given.dy, segment, sizes)).dC, segment, sizes.B);
    }),
  );
  return reshape(concat(parts, 1), inputs.B.shape);
}

/** dy [B, T, E] by position, each [K, M, 1, W]. */
const gradientsOfRead = (dy: Tensor3D, segment: Segment, { B, E, G }: ScanSizes): Tensor[] =>
  positionsOf(dy, segment, [segment.K, B * G, 1, E / G]);

/** By position, what each other read adds to the gradient of the states: C [K, M, N, 1] and dy [K, M, 1, W]. */
function otherReads({ inputs, sizes }: Call, segment: Segment): Read[] {
  const { dyReads, CReads } = inputs;
  if (dyReads === undefined || CReads === undefined) return [];
  const column = [segment.K, sizes.B * sizes.G, sizes.N, 1];
  const Cs = unstack(CReads);
  return unstack(dyReads).map((dy, r) => ({
    C: positionsOf(Cs[r] as Tensor, segment, column),
    dy: gradientsOfRead(dy as Tensor3D, segment, sizes),
  }));
}

/** The state [1, M, N, W] before each segment. */
function segmentStarts({ inputs, sizes, A }: Call, segments: Segment[]): Tensor[] {
  const documentStarts = [rowsOfState(inputs.h0, sizes)];
  for (const [n, segment] of segments.slice(0, -1).entries()) {
    const end = tidy(() => {
      const recurrence = segmentRecurrence(segmentInputs(inputs, segment, sizes), A);
      return chunkStarts(recurrence, recurrence.total, documentStarts[n] as Tensor)[1];
    });
    documentStarts.push(end);
  }
  return documentStarts;
}

/** From the state before the segment and what the segment after hands to it, both [1, M, N, W]. */
function segmentGradients({ inputs, sizes, A }: Call, segment: Segment, start: Tensor, handed: Tensor): SegmentGradients {
  return tidy(() => {
    const steps = segmentInputs(inputs, segment, sizes);
    const dy = gradientsOfRead(inputs.dy, segment, sizes);
    const recurrence = segmentRecurrence(steps, A);
    const { before, dC } = statesOf(recurrence, start, dy);
    const reads = [{ C: steps.C, dy }, ...otherReads({ inputs, sizes, A }, segment)];
    const backward = backwardRun({ ...steps, recurrence, before, reads, A }, handed);
    const tokens = (positions: Tensor[]) => tokensOf(positions, segment, sizes.B);
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

/** Of one read of the states, by position. */
interface Read {
  readonly C: readonly Tensor[];
  readonly dy: readonly Tensor[];
}

interface BackwardInputs extends SegmentInputs {
  readonly recurrence: SegmentRecurrence;
  readonly before: readonly Tensor[];
  readonly reads: readonly Read[];
  readonly A: Tensor3D;
}

/** The recurrence of w_t = a_t (w_(t+1) + Σ C_t dy_t over reads) from the end of a segment to its start, and the gradients on the way. */
function backwardRun(steps: BackwardInputs, handed: Tensor) {
  const { recurrence, reads } = steps;
  const { decay, total } = recurrence;
  const positions = [...recurrence.positions].reverse();
  const gradientOfState = (i: number, w: Tensor) => reads.reduce((total, { C, dy }) => add(total, mul(C[i] as Tensor, dy[i] as Tensor)), w);
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
