/**
 * The mixer of Mamba: Gu and Dao 2023, arXiv:2312.00752, §3.2–3.4, Alg. 2; transformers' MambaMixer. With dense
 * connections where its params have them: see dense.ts.
 * Letters in shapes: B batch, T time, D hidden size, E channels, N state size per channel, R rank of Δ, W convolution width.
 */
import { causalConv1d, linear, type SelectiveScanInputs, siluGate, softplus } from '@densessm/kernels';
import { readStates, type ScanStates, selectiveScanShown } from '@densessm/kernels/internal';
import { lastToken } from '@densessm/ssm-core/internal';
import { add, exp, mul, neg, reshape, split, sub, sum, type Tensor2D, type Tensor3D } from '@tensorflow/tfjs-core';
import type { MixerInputs, MixerOutputs } from '../backbone';
import { fuse } from '../dense';
import { projectIn } from '../project-in';
import type { MambaConfig } from './config';
import type { MambaMixerParams } from './spec';

/** What a layer shows to another. */
export interface MambaShown {
  /** The layer's normed input, [B, T, D]. */
  x: Tensor3D;
  /** [B, T, E] */
  u: Tensor3D;
  /** [B, T, N] */
  B: Tensor3D;
  /** Of its raw h_t = exp(Δ_t A) h_{t−1} + Δ_t B_t u_t; undefined where connections do not read them. */
  states: ScanStates | undefined;
}

/** One layer's scan: all that it reads but C and D, and the layer's normed input x [B, T, D]. */
type Scan = Omit<SelectiveScanInputs, 'C' | 'D' | 'B'> & Pick<MambaShown, 'x' | 'B'>;

/** x [B, T, D] → y [B, T, D]. */
export function mambaMixer(
  params: MambaMixerParams,
  c: MambaConfig,
  { x, state, sources, readers, documentStarts, onScan, lastOnly }: MixerInputs<MambaShown, Tensor3D>,
): MixerOutputs<MambaShown, Tensor3D> {
  const E = c.innerSize;
  const [z, inner] = projectIn(params.inProj, { x, lastOnly }, [E, E], [[0, E]]) as [Tensor3D, Tensor3D];
  const { weight, bias } = params.conv1d;
  const filter: Tensor2D = reshape(weight, [c.innerSize, c.convKernel]);
  const [u, conv] = causalConv1d({ x: inner, w: filter, bias, tail: state?.conv, documentStarts }, { activation: 'silu' });

  // Δ, B and C depend on the token: the selection of §3.2
  const sizes = [c.timeStepRank, c.stateSize, c.stateSize];
  const [low, B, C] = split<Tensor3D>(linear({ x: u, w: params.xProj }), sizes, -1) as [Tensor3D, Tensor3D, Tensor3D];
  const delta = softplus(linear({ x: low, w: params.dtProj.weight, bias: params.dtProj.bias }));
  const own: Scan = { x, u, delta, A: neg(exp(params.aLog)), B, h0: state?.ssm, documentStarts };

  const isStateRead = c.dense?.fuses === 'state' && c.dense.projection !== 'none';
  const fused = fuseInput(params, c, own, sources);
  onScan?.({ kind: 'selective', u: fused.u, delta, A: own.A, B: fused.B, C });
  const [y, ssm, states] = readOut(params, c, { own, fused }, C, sources, isStateRead ? readers : 0);
  const gated = siluGate({ x: lastOnly ? lastToken(y) : y, gate: z });
  return {
    y: linear({ x: gated, w: params.outProj.weight, bias: params.outProj.bias }),
    shown: Array.from({ length: readers }, (_, i) => ({ x, u, B, states: states[i] })),
    state: { conv, ssm },
  };
}

/**
 * y_t = C_t h'_t + D u_t with h' = h, or h fused with the sources'; `fused` is what the scan reads in the place of `own`. Also the raw state after the
 * last token, and those of all for so many readers.
 */
function readOut(
  params: MambaMixerParams,
  c: MambaConfig,
  { own, fused }: { own: Scan; fused: Scan },
  C: Tensor3D,
  sources: readonly MambaShown[],
  readers: number,
): ReturnType<typeof scan> {
  if (params.dense.state) return readFusedState(params, c, own, C, sources, readers);
  if (fused === own) return scan(own, C, params.D, readers);
  const [y, next, states] = scan(fused, C, params.D);
  // the scan's skip took û: this puts it right, and is exactly zero while nothing is fused
  return [add(y, mul(params.D, sub(own.u, fused.u))), next, states];
}

const scan = ({ x: _, ...inputs }: Scan, C: Tensor3D, D?: MambaMixerParams['D'], readers = 0) =>
  selectiveScanShown({ ...inputs, C, D }, readers);

/**
 * h'_t = Fuse(h_t, φ(h_t^{l−m}), …), read as y_t = Fuse(C_t h_t, φ(C_t h_t^{l−m}), …) + D u_t, where C_t h^{l−i} is layer
 * l−i's scan read through this layer's C. Where Fuse adds to h, D u_t may join before it, and so inside the scan.
 */
function readFusedState(
  params: MambaMixerParams,
  c: MambaConfig,
  own: Scan,
  C: Tensor3D,
  sources: readonly MambaShown[],
  readers: number,
): ReturnType<typeof scan> {
  const adds = c.dense?.fusion !== 'concat';
  const [readOwn, next, states] = scan(own, C, adds ? params.D : undefined, readers);
  const unit = () => sum(C, -1, true); // a state of ones, read through C
  const show = (source: MambaShown): Tensor3D => readStates(source.states as ScanStates, C);
  const fused = fuse(params.dense.state, c.dense, { own: readOwn, x: own.x, unit }, sources, show);
  return [adds ? fused : add(fused, mul(params.D, own.u)), next, states];
}

/** B̂ = Fuse(B, …) and û = Fuse(u, …) ahead of the scan, or `own` itself; the skip D u reads the plain u. */
function fuseInput(params: MambaMixerParams, c: MambaConfig, own: Scan, sources: readonly MambaShown[]): Scan {
  if (!params.dense.u) return own;
  const { x } = own;
  const B = fuse(params.dense.B, c.dense, { own: own.B, x }, sources, (source) => source.B);
  const u = fuse(params.dense.u, c.dense, { own: own.u, x }, sources, (source) => source.u);
  return { ...own, B, u };
}
