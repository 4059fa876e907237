/**
 * The mixer of Mamba-2: Dao and Gu 2024, arXiv:2405.21060, §7 (figure 6, right), with the state space duality of §6 as
 * decayScan; transformers' Mamba2Mixer. With dense connections where its params have them: see dense.ts.
 * Letters in shapes: B batch, T time, D hidden size, E channels = H heads × P per head, G groups of heads, N state size.
 */
import { causalConv1d, decayScan, linear, rmsNorm, softplus } from '@densessm/kernels';
import { lastToken } from '@densessm/ssm-core/internal';
import {
  add,
  clipByValue,
  concat,
  exp,
  expandDims,
  mul,
  neg,
  ones,
  reshape,
  slice,
  split,
  sum,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import type { MixerInputs, MixerOutputs } from '../backbone';
import { fuse } from '../dense';
import { projectIn } from '../project-in';
import { FLOAT32_MAX, gatedNormSize, type Mamba2Config } from './config';
import { convSize, type Mamba2MixerParams } from './spec';

/** What a layer shows: what Mamba-2 projects from a token, and what its scan reads, h_t = exp(Δ_t A) h_{t−1} + k_t^T v_t per head. */
export interface Mamba2Scan {
  /** The layer's normed input, [B, T, D]. */
  x: Tensor3D;
  /** [B, T, E] */
  u: Tensor3D;
  /** [B, T, G·N] */
  B: Tensor3D;
  /** B for every head, [B, T, H, N]. */
  k: Tensor4D;
  /** Δ u, [B, T, H, P]. */
  v: Tensor4D;
  /** Δ A, [B, T, H]. */
  logDecay: Tensor3D;
  /** The state before the first of these tokens, [B, H, N, P]. */
  h0: Tensor4D | undefined;
}

type Inputs = MixerInputs<Mamba2Scan, Tensor4D>;

/** x [B, T, D] → y [B, T, D]. */
export function mamba2Mixer(params: Mamba2MixerParams, c: Mamba2Config, inputs: Inputs): MixerOutputs<Mamba2Scan, Tensor4D> {
  const { state, documentStarts, onScan, lastOnly } = inputs;
  const [E, mixedSize] = [c.innerSize, convSize(c)];
  const others = [
    [E, mixedSize],
    [E + mixedSize, c.numHeads],
  ] as const;
  const [z, xBC, dt] = projectIn(params.inProj, inputs, [0, E], others) as [Tensor3D, Tensor3D, Tensor3D];
  const { weight, bias } = params.conv1d;
  const filter: Tensor2D = reshape(weight, [convSize(c), c.convKernel]);
  const [mixed, conv] = causalConv1d({ x: xBC, w: filter, bias, tail: state?.conv, documentStarts }, { activation: 'silu' });
  const widthOfB = c.nGroups * c.stateSize;
  const [u, B, C] = split<Tensor3D>(mixed, [c.innerSize, widthOfB, widthOfB], -1) as [Tensor3D, Tensor3D, Tensor3D];
  const own = scanInputs(params, c, { u, B, delta: timeSteps(params, c, dt) }, inputs);

  onScan?.({ kind: 'decay', q: groupsToHeads(C, c), k: own.k, v: own.v, logDecay: own.logDecay });
  const [read, ssm] = readOut(params, c, own, C, inputs);
  const y = add<Tensor3D>(read, fromHeads(mul(reshape(params.D, [c.numHeads, 1]), toHeads(u, c))));
  const normed = rmsNorm({ x: lastOnly ? lastToken(y) : y, weight: params.norm, gate: z }, gatedNorm(c));
  return {
    y: linear({ x: normed, w: params.outProj.weight, bias: params.outProj.bias }),
    shown: Array.from({ length: inputs.readers }, () => own),
    state: { conv, ssm },
  };
}

/** Δ = softplus(dt + bias), kept within the limit. transformers does so in its parallel mode only; here all modes agree. */
function timeSteps(params: Mamba2MixerParams, c: Mamba2Config, dt: Tensor3D): Tensor3D {
  const delta = softplus<Tensor3D>(add(dt, params.dtBias));
  const [low, high] = c.timeStepLimit;
  return low === 0 && high === Infinity ? delta : clipByValue(delta, low, Math.min(high, FLOAT32_MAX));
}

const gatedNorm = (c: Mamba2Config) => ({
  eps: c.layerNormEpsilon,
  groupSize: gatedNormSize(c),
  normBeforeGate: c.normBeforeGate,
});

/** B̂ = Fuse(B, …) and û = Fuse(u, …) ahead of the scan, or B and u as they are. D u, outside of the scan, reads the plain u. */
function scanInputs(
  params: Mamba2MixerParams,
  c: Mamba2Config,
  { u, B, delta }: Record<'u' | 'B' | 'delta', Tensor3D>,
  { x, state, sources }: Inputs,
): Mamba2Scan {
  const fusedB = fuse(params.dense.B, c.dense, { own: B, x }, sources, (source) => source.B);
  const fusedU = fuse(params.dense.u, c.dense, { own: u, x }, sources, (source) => source.u);
  const v = mul<Tensor4D>(toHeads(fusedU, c), expandDims(delta, -1));
  return { x, u, B, k: groupsToHeads(fusedB, c), v, logDecay: mul(delta, neg(exp(params.aLog))), h0: state?.ssm };
}

/**
 * C_t h'_t with h' = h, or h'_t = Fuse(h_t, φ(h_t^{l−m}), …) as Fuse(C_t h_t, φ(C_t h_t^{l−m}), …), where C_t h^{l−i} is
 * layer l−i's scan read through this layer's C; [B, T, E]. Also the raw state after the last token, [B, H, N, P].
 */
function readOut(params: Mamba2MixerParams, c: Mamba2Config, own: Mamba2Scan, C: Tensor3D, inputs: Inputs): [Tensor3D, Tensor4D] {
  const { sources, documentStarts, chunkSize } = inputs;
  const attrs = chunkSize === undefined ? {} : { chunkSize };
  const readThrough = (some: Tensor3D): [Tensor3D, Tensor4D] => {
    const q = groupsToHeads(some, c);
    const scan = ({ k, v, logDecay, h0 }: Mamba2Scan) => decayScan({ q, k, v, logDecay, s0: h0, documentStarts }, attrs);
    const [o, next] = scan(own);
    const read = { own: fromHeads(o), x: own.x, unit: () => unitThrough(some, c) };
    return [fuse(params.dense.state, c.dense, read, sources, (source) => fromHeads(scan(source)[0])), next];
  };
  if (c.nGroups === 1 || !params.dense.state || !mixesChannels(c)) return readThrough(C);
  // the channels that Fuse mixes belong to groups with a C each: every C reads all of them, and its own group's results count
  const width = c.innerSize / c.nGroups;
  const reads = split<Tensor3D>(C, c.nGroups, -1).map(readThrough);
  return [
    concat(
      reads.map(([y], group) => slice(y, [0, 0, group * width], [-1, -1, width])),
      -1,
    ),
    (reads[0] as [Tensor3D, Tensor4D])[1],
  ];
}

const mixesChannels = ({ dense }: Mamba2Config): boolean => dense?.projection === 'linear' || dense?.fusion === 'concat';

/** A state of ones, read through C: Σ_n C_t for every channel of the group, [B, T, E]. */
function unitThrough(C: Tensor3D, { stateSize, innerSize }: Mamba2Config): Tensor3D {
  const [batch, length, width] = C.shape;
  const groups = width / stateSize;
  const sums: Tensor4D = sum(reshape(C, [batch * length, groups, 1, stateSize]), -1, true);
  return reshape(times(sums, innerSize / groups), [batch, length, innerSize]);
}

/** [B, T, E] → [B, T, H, P]. */
const toHeads = (x: Tensor3D, { numHeads, headDim }: Mamba2Config): Tensor4D => reshape(x, [x.shape[0], x.shape[1], numHeads, headDim]);

/** [B, T, H, P] → [B, T, E]. */
const fromHeads = (x: Tensor4D): Tensor3D => reshape(x, [x.shape[0], x.shape[1], x.shape[2] * x.shape[3]]);

/** [M, G, 1, N] → [M, G, count, N], the same `count` times: tfjs's tile takes a hundred times as long on wasm. */
const times = (x: Tensor4D, count: number): Tensor4D => mul(x, ones([1, 1, count, 1]));

/** [B, T, G·N] → [B, T, H, N]: every head gets the numbers of its group, of however many groups there are. */
function groupsToHeads(x: Tensor3D, { numHeads, stateSize }: Mamba2Config): Tensor4D {
  const [batch, length, width] = x.shape;
  const groups = width / stateSize;
  const grouped: Tensor4D = reshape(x, [batch * length, groups, 1, stateSize]);
  return reshape(times(grouped, numHeads / groups), [batch, length, numHeads, stateSize]);
}
