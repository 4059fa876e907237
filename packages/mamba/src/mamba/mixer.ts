/**
 * The mixer of Mamba: Gu and Dao 2023, arXiv:2312.00752, §3.2–3.4, Alg. 2; transformers' MambaMixer. With dense
 * connections where its params have them: see dense.ts.
 * Letters in shapes: B batch, T time, D hidden size, E channels, N state size per channel, R rank of Δ, W convolution width.
 */
import { causalConv1d, linear, selectiveScan, siluGate, softplus } from '@densessm/kernels';
import { add, exp, mul, neg, reshape, split, sub, sum, type Tensor2D, type Tensor3D } from '@tensorflow/tfjs-core';
import type { MixerInputs, MixerOutputs } from '../backbone';
import { fuse } from '../dense';
import type { MambaConfig } from './config';
import type { MambaMixerParams } from './spec';

/** The inputs of a layer's scan. They are its raw states h in another form: h_t = exp(Δ_t A) h_{t−1} + Δ_t B_t u_t. */
export interface MambaScan {
  /** The layer's normed input, [B, T, D]. */
  x: Tensor3D;
  /** [B, T, E] */
  u: Tensor3D;
  /** [B, T, E] */
  delta: Tensor3D;
  /** [E, N] */
  A: Tensor2D;
  /** [B, T, N] */
  B: Tensor3D;
  /** The state before the first of these tokens, [B, E, N]. */
  h0: Tensor3D | undefined;
  /** Where the state starts anew, [B, T]. */
  starts: Tensor2D | undefined;
}

/** x [B, T, D] → y [B, T, D]. */
export function mambaMixer(
  params: MambaMixerParams,
  c: MambaConfig,
  { x, state, sources, starts }: MixerInputs<MambaScan, Tensor3D>,
): MixerOutputs<MambaScan, Tensor3D> {
  const [inner, z] = split<Tensor3D>(linear({ x, w: params.inProj.weight, bias: params.inProj.bias }), 2, -1) as [Tensor3D, Tensor3D];
  const { weight, bias } = params.conv1d;
  const filter: Tensor2D = reshape(weight, [c.innerSize, c.convKernel]);
  const [u, conv] = causalConv1d({ x: inner, w: filter, bias, tail: state?.conv, starts }, { activation: 'silu' });

  // Δ, B and C depend on the token: the selection of §3.2
  const sizes = [c.timeStepRank, c.stateSize, c.stateSize];
  const [low, B, C] = split<Tensor3D>(linear({ x: u, w: params.xProj }), sizes, -1) as [Tensor3D, Tensor3D, Tensor3D];
  const delta = softplus(linear({ x: low, w: params.dtProj.weight, bias: params.dtProj.bias }));
  const own: MambaScan = { x, u, delta, A: neg(exp(params.aLog)), B, h0: state?.ssm, starts };

  const [y, ssm] = readOut(params, c, own, C, sources);
  const gated = siluGate({ x: y, gate: z });
  return { y: linear({ x: gated, w: params.outProj.weight, bias: params.outProj.bias }), shown: own, state: { conv, ssm } };
}

/** y_t = C_t h'_t + D u_t with h' = h, or h fused with the sources'. Also the raw state after the last token. */
function readOut(
  params: MambaMixerParams,
  c: MambaConfig,
  own: MambaScan,
  C: Tensor3D,
  sources: readonly MambaScan[],
): [Tensor3D, Tensor3D] {
  if (params.dense.state) return readFusedState(params, c, own, C, sources);
  if (params.dense.u) return scanFusedInput(params, c, own, C, sources);
  return scan(own, C, params.D);
}

const scan = ({ u, delta, A, B, h0, starts }: MambaScan, C: Tensor3D, D?: MambaMixerParams['D']): [Tensor3D, Tensor3D] =>
  selectiveScan({ u, delta, A, B, C, D, h0, starts }) as [Tensor3D, Tensor3D];

/**
 * h'_t = Fuse(h_t, φ(h_t^{l−m}), …), read as y_t = Fuse(C_t h_t, φ(C_t h_t^{l−m}), …) + D u_t, where C_t h^{l−i} is layer
 * l−i's scan read through this layer's C. Where Fuse adds to h, D u_t may join before it, and so inside the scan.
 */
function readFusedState(
  params: MambaMixerParams,
  c: MambaConfig,
  own: MambaScan,
  C: Tensor3D,
  sources: readonly MambaScan[],
): [Tensor3D, Tensor3D] {
  const adds = c.dense?.fusion !== 'concat';
  const [readOwn, next] = scan(own, C, adds ? params.D : undefined);
  const unit = () => sum(C, -1, true); // a state of ones, read through C
  const fused = fuse(params.dense.state, c.dense, { own: readOwn, x: own.x, unit }, sources, (source) => scan(source, C)[0]);
  return [adds ? fused : add(fused, mul(params.D, own.u)), next];
}

/** B̂ = Fuse(B, …) and û = Fuse(u, …) ahead of the scan; the skip D u reads the plain u. */
function scanFusedInput(
  params: MambaMixerParams,
  c: MambaConfig,
  own: MambaScan,
  C: Tensor3D,
  sources: readonly MambaScan[],
): [Tensor3D, Tensor3D] {
  const { x } = own;
  const B = fuse(params.dense.B, c.dense, { own: own.B, x }, sources, (source) => source.B);
  const u = fuse(params.dense.u, c.dense, { own: own.u, x }, sources, (source) => source.u);
  const [y, next] = scan({ ...own, B, u }, C, params.D);
  // the scan's skip took û: this puts it right, and is exactly zero while nothing is fused
  return [add(y, mul(params.D, sub(own.u, u))), next];
}
