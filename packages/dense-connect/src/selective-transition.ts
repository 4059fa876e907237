/**
 * Selective transition: DenseSSM, arXiv:2403.00818, section 3.2: φ(h) = Proj(h) ⊙ Gate(x).
 * Letters in shapes: B batch, T time, D width of the layer input x, W width of the hidden states h, r rank, n sources present.
 * Lists of states run from distance 1 (the layer just below) to distance n.
 */
import { linear, silu } from '@densessm/kernels';
import { slice, type Tensor, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';
import type { DenseConfig } from './config';
import { parts } from './parts';
import { type DenseParams, need } from './spec';

/** Gate(x) before its own SiLU: fc2 SiLU(fc1 x) (mlp) or fc x (linear), of the first `rows` gate rows. [B, T, D] → [B, T, rows]. */
function gateOf(params: DenseParams, { gate }: DenseConfig, x: Tensor3D, rows: number): Tensor3D {
  if (gate === 'linear') return linear({ x, w: firstRows(need(params, 'fc'), rows) });
  const middle = silu(linear({ x, w: need(params, 'fc1') }));
  return linear({ x: middle, w: firstRows(need(params, 'fc2'), rows) });
}

/** The gate of each of `count` sources before its SiLU, [B, T, W] each: one and the same, or one per distance. Undefined stands for Gate = 1. */
function gatesOf(params: DenseParams, config: DenseConfig, x: Tensor3D, width: number, count: number): (Tensor3D | undefined)[] {
  if (config.gate === 'none') return new Array(count).fill(undefined);
  if (!config.gatePerSource) return new Array(count).fill(gateOf(params, config, x, width));
  return parts(gateOf(params, config, x, count * width), count);
}

/**
 * Gate(x) as {@link denseConnect} computes it in a layer with `sources` sources, for looking inside: [B, T, D] → [B, T, W], or [B, T, n·W] with a
 * gate per source, nearest first. Undefined where nothing is gated: without sources, and with `gate: 'none'`.
 * @throws SsmError WEIGHTS
 */
export function gateValues(params: DenseParams, config: DenseConfig, x: Tensor3D, sources: number): Tensor3D | undefined {
  if (config.gate === 'none' || sources === 0) return undefined;
  const rows = need(params, config.gate === 'linear' ? 'fc' : 'fc2').shape[0];
  const used = config.gatePerSource ? (rows / config.denseLayers) * sources : rows;
  return tidy(() => silu(gateOf(params, config, x, used)));
}

/** φ(h) in two parts: Proj(h), and the gate before its SiLU, undefined for Gate = 1. */
export interface Transition {
  readonly projected: Tensor;
  readonly gate: Tensor3D | undefined;
}

/**
 * φ of every given state, nearest first. x [B, T, D], states [B, T, W] → [B, T, W] each.
 * Proj is the identity or W × W; without one (projection 'none') the caller has put the unit in the place of the state.
 */
export function selectiveTransition(
  params: DenseParams,
  config: DenseConfig,
  x: Tensor3D,
  states: readonly Tensor[],
  width: number,
): Transition[] {
  const gates = gatesOf(params, config, x, width, states.length);
  return states.map((h, i) => ({
    projected: config.projection === 'linear' ? linear({ x: h as Tensor3D, w: need(params, 'proj') }) : h,
    gate: gates[i],
  }));
}

/** Rows of nearer distances come first, so a layer with fewer than m sources uses a prefix. */
const firstRows = (w: Tensor2D, rows: number): Tensor2D => (w.shape[0] === rows ? w : slice(w, 0, rows));
