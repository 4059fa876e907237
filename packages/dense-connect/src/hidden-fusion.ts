/**
 * Hidden fusion: DenseSSM, arXiv:2403.00818, section 3.2: h' = Fuse(h, H) with H = [φ(h^{l−1}); …; φ(h^{l−m})].
 * Letters in shapes as in selective-transition.ts; lists run from distance 1 to distance n.
 */
import { linear, silu, siluGate } from '@densessm/kernels';
import { add, concat, mul, slice, softmax, sum, type Tensor, type Tensor2D, type Tensor3D, util } from '@tensorflow/tfjs-core';
import type { DenseConfig } from './config';
import { parts } from './parts';
import type { Transition } from './selective-transition';
import { type DenseParams, need } from './spec';

/** h' = h + Σ_i φ_i. */
export const fuseByAdding = (own: Tensor3D, phi: readonly Transition[]): Tensor3D => phi.reduce<Tensor3D>(addTo, own);

function addTo(total: Tensor3D, one: Transition): Tensor3D {
  const { projected, gate } = one;
  return gate && isAs(gate, projected) ? siluGate({ x: projected, gate, addend: total }) : add(total, whole(one));
}

/** φ = Proj(h) ⊙ SiLU(gate). */
function whole({ projected, gate }: Transition): Tensor {
  if (gate === undefined) return projected;
  return isAs(gate, projected) ? siluGate({ x: projected, gate }) : mul(silu(gate), projected);
}

/** Not so for the unit in the place of a state, which broadcasts. */
const isAs = (gate: Tensor3D, projected: Tensor): projected is Tensor3D => util.arraysEqual(gate.shape, projected.shape);

/** h' = W [h; φ_1; …; φ_n]. A layer with fewer than m sources uses the columns of those it has, as if the others were zero. */
export function fuseByConcat(params: DenseParams, own: Tensor3D, phi: readonly Transition[]): Tensor3D {
  const w = need(params, 'concat');
  const joined = concat([own, ...phi.map(whole)] as Tensor3D[], -1);
  const columns = joined.shape[2];
  const used: Tensor2D = w.shape[1] === columns ? w : slice(w, [0, 0], [-1, columns]);
  return linear({ x: joined, w: used });
}

/**
 * α_i = softmax_i((Wq x) · (Wk x_i) / √r): how much a token takes from each source, judged by the inputs of the two layers.
 * x and every x_i [B, T, D] → n weights [B, T, 1].
 */
export function attentionWeights(params: DenseParams, config: DenseConfig, x: Tensor3D, sourceInputs: readonly Tensor3D[]): Tensor3D[] {
  const query = mul(linear({ x, w: need(params, 'query') }), 1 / Math.sqrt(config.gateRank));
  const scores = sourceInputs.map((input) => sum(mul(query, linear({ x: input, w: need(params, 'key') })), -1, true) as Tensor3D);
  return parts(softmax<Tensor3D>(concat(scores, -1)), scores.length);
}
