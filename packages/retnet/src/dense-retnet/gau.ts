/**
 * Dense retention in a gated attention unit: DenseSSM, arXiv:2403.00818, §3.3, as released by its authors
 * (WailordHe/DenseSSM, MultiScaleGauRetention). The gated attention unit is Hua et al. 2022, arXiv:2202.10447, §3.
 * Letters in shapes: B batch, T time, D hidden size, H heads, K key width per head, V value width per head.
 */
import { linear, rmsNorm, silu } from '@densessm/kernels';
import { linearParts } from '@densessm/kernels/internal';
import { mul, reshape, type Tensor1D, type Tensor3D, type Tensor4D } from '@tensorflow/tfjs-core';
import { retainHeads } from '../retention';
import { fuse, type LayerInputs, type Shown } from '../trunk';
import type { DenseRetNetConfig } from './config';
import type { DenseRetNetParams } from './spec';

type AttentionParams = DenseRetNetParams['layers'][number]['attention'];

/** k and v behind SiLU, k times K^−½, and the output gate before its own. What deeper layers see of k and v is this, before any fusion or norm. */
function project(params: AttentionParams, c: DenseRetNetConfig, x: Tensor3D): { shown: Shown; gate: Tensor3D } {
  const k = mul<Tensor3D>(silu(linear({ x, w: params.kProj })), (c.keyDim / c.numHeads) ** -0.5);
  const parts = [
    [0, c.valueDim],
    [c.valueDim, c.valueDim],
  ] as const;
  const [v, gate] = linearParts({ x, w: params.toHidden }, parts) as [Tensor3D, Tensor3D];
  return { shown: { k, v: silu(v), x }, gate };
}

/**
 * to_out (norm(retention) ⊙ SiLU(gate)). Above layer 0, k and v are normed over all heads together behind their fusion, even
 * where that had no source.
 */
export function gatedRetention(
  params: AttentionParams,
  c: DenseRetNetConfig,
  layer: number,
  { x, sources, state, call }: LayerInputs,
): { y: Tensor3D; shown: Shown; state: Tensor4D } {
  const norm = (z: Tensor3D, weight: Tensor1D): Tensor3D => (layer === 0 ? z : rmsNorm({ x: z, weight }, { eps: c.normEps }));
  const { shown, gate } = project(params, c, x);
  const q = silu(linear({ x, w: params.qProj }));
  const k = norm(fuse('k', params.kSelect, c.dense, shown, sources), params.kNorm);
  const v = norm(fuse('v', params.vSelect, c.dense, shown, sources), params.vNorm);
  const [o, next] = retainHeads({ q, k, v, state }, c, call);
  const inputs = { x: o, weight: params.groupNorm, gate: reshape(gate, o.shape) };
  const gated = rmsNorm(inputs, { eps: c.normEps, normBeforeGate: true });
  return { y: linear({ x: reshape(gated, v.shape), w: params.toOut }), shown, state: next };
}
