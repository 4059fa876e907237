import { decayScan, selectiveScan, silu, softplus } from '@densessm/kernels';
import {
  add,
  expandDims,
  mul,
  ones,
  reshape,
  squeeze,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tensor1d,
  transpose,
} from '@tensorflow/tfjs-core';
import { casesOf, checkOperator, type NamedTensors, type Operator, type OpsCase } from './ops-case';
import type { CheckResult, OpsFixture } from './types';

/** float32 against float64, worst error relative to the RMS. The references' own float32 errs by up to 5e-6 of values around 1. */
const BOUND = 1e-5;

/** The cases of an operator folder that are state space recurrences: Mamba's scan and step, Mamba-2's chunked scan, fla's retention. */
export async function* checkScanOps(fixture: OpsFixture): AsyncGenerator<CheckResult> {
  for (const one of casesOf(fixture)) {
    const operator = operatorOf(one);
    if (operator) yield* checkOperator(one, operator, BOUND);
  }
}

function operatorOf({ about, inputs }: OpsCase): Operator | undefined {
  const { op, block_len: blockLength, chunk } = about as { op?: string; block_len?: number; chunk?: number };
  const has = (...names: string[]) => names.every((name) => inputs.has(name));
  if (op === 'fla.naive_retention') return naiveRetention;
  if (op === 'fla.simple_gla') return (given) => simpleGla(given, chunk);
  if (has('state', 'x', 'dt', 'A', 'B', 'C')) return (given) => stateUpdate(given, /dt_softplus/.test(op ?? ''));
  if (has('u', 'delta', 'A', 'B', 'C')) return (given) => selectiveScanRef(given, about.delta_softplus === true);
  if (has('X', 'A', 'B', 'C')) return (given) => ssdMinimal(given, blockLength);
  return undefined;
}

interface MambaInputs {
  A: Tensor2D;
  /** [E] */
  D?: Tensor1D;
}

/** state-spaces/mamba `selective_scan_ref`: u, delta, z [B, E, T]; B, C [B, N, T], [B, G, N, T] or, constant in time, [E, N]. */
function selectiveScanRef(given: NamedTensors, useSoftplus: boolean): NamedTensors {
  const { A, D, u, delta, z, ...rest } = given as NamedTensors & MambaInputs & { u: Tensor3D; delta: Tensor3D };
  const inputs = { u: swapLast(u), A, D, delta: stepSizes(swapLast(delta), rest.delta_bias, useSoftplus), ...sharedOut(rest, u.shape) };
  const [y, last_state] = selectiveScan(inputs);
  return { out: swapLast(z ? mul(y, silu(swapLast(z as Tensor3D))) : y), last_state };
}

/** state-spaces/mamba `selective_state_update_ref`, one token: x, dt, z [B, E]; B, C [B, N] or [B, G, N]; state [B, E, N]. */
function stateUpdate(given: NamedTensors, useSoftplus: boolean): NamedTensors {
  const { A, D, x, dt, z, state, B, C, dt_bias } = given as NamedTensors & MambaInputs & Record<'x' | 'dt' | 'B' | 'C', Tensor>;
  const token = (one: Tensor) => expandDims(one, 1) as Tensor3D;
  const delta = stepSizes(token(dt), dt_bias, useSoftplus);
  const [y, new_state] = selectiveScan({ u: token(x), delta, A, D, B: token(B), C: token(C), h0: state as Tensor3D });
  const out = squeeze(y, [1]);
  return { out: z ? mul(out, silu(z)) : out, new_state };
}

/** state-spaces/mamba `ssd_minimal_discrete`: X [B, T, H, P], A = ln a [B, T, H], B, C [B, T, H, N]; states [B, H, P, N]. */
function ssdMinimal(given: NamedTensors, chunkSize: number | undefined): NamedTensors {
  const { X, A, B, C, initial_states } = given as { X: Tensor4D; A: Tensor3D; B: Tensor4D; C: Tensor4D; initial_states?: Tensor };
  const s0 = initial_states && swapLast(squeeze(initial_states, [1]) as Tensor4D);
  const [Y, state] = decayScan({ q: C, k: B, v: X, logDecay: A, s0 }, chunkSize ? { chunkSize } : {});
  return { Y, final_state: swapLast(state) };
}

/** flash-linear-attention `naive_retention`: q, k, v [B, H, T, width], gamma_h = 1 − 2^(−5−h), q times its width^-1/2. */
function naiveRetention(given: NamedTensors): NamedTensors {
  const { q, k, v } = given as { q: Tensor4D; k: Tensor4D; v: Tensor4D };
  const tokens = (x: Tensor4D): Tensor4D => transpose(x, [0, 2, 1, 3]);
  const logDecay = tensor1d(Array.from({ length: q.shape[1] }, (_, h) => Math.log1p(-(2 ** (-5 - h)))));
  const [o] = decayScan({ q: tokens(scaled(q)), k: tokens(k), v: tokens(v), logDecay });
  return { o: tokens(o) };
}

/** flash-linear-attention `simple_gla`: q, k, v [B, T, H, width], g = ln a [B, T, H], q times its width^-1/2; state [B, H, K, V]. */
function simpleGla(given: NamedTensors, chunkSize: number | undefined): NamedTensors {
  const { q, k, v, g, initial_state: s0 } = given as { q: Tensor4D; k: Tensor4D; v: Tensor4D; g: Tensor3D; initial_state?: Tensor4D };
  const [o, final_state] = decayScan({ q: scaled(q), k, v, logDecay: g, s0 }, chunkSize ? { chunkSize } : {});
  return { o, final_state };
}

const scaled = (q: Tensor4D): Tensor4D => mul(q, q.shape[3] ** -0.5);

/** Swaps the last two axes. */
function swapLast<X extends Tensor>(x: X): X {
  const axes = Array.from(x.shape.keys());
  return transpose(x, [...axes.slice(0, -2), axes.length - 1, axes.length - 2]);
}

function stepSizes(delta: Tensor3D, bias: Tensor | undefined, useSoftplus: boolean): Tensor3D {
  const biased: Tensor3D = bias ? add(delta, bias) : delta;
  return useSoftplus ? softplus(biased) : biased;
}

/** B and C in one of our layouts: without groups where neither has any, else with the groups of the one that has more. */
function sharedOut({ B, C }: NamedTensors, [batch, , T]: number[]): { B: Tensor4D; C: Tensor4D } | { B: Tensor3D; C: Tensor3D } {
  const [b, c] = [B as Tensor, C as Tensor];
  if (b.rank === 3 && c.rank === 3) return { B: swapLast(b as Tensor3D), C: swapLast(c as Tensor3D) };
  // constant in time: a group per channel, at every token
  const withGroups = (x: Tensor): Tensor4D => {
    if (x.rank === 2) return mul(x, ones([batch as number, T as number, 1, 1]));
    const tokens = x.rank === 3 ? expandDims(x, 1) : x;
    return transpose(tokens as Tensor4D, [0, 3, 1, 2]);
  };
  const [bGroups, cGroups] = [withGroups(b), withGroups(c)];
  const groups = Math.max(bGroups.shape[2], cGroups.shape[2]);
  const repeated = (x: Tensor4D): Tensor4D => {
    const [, , G, N] = x.shape;
    const shape = [batch, T, groups, N] as [number, number, number, number];
    return reshape(mul(expandDims(x, 3), ones([1, 1, 1, groups / G, 1])), shape);
  };
  return { B: repeated(bGroups), C: repeated(cGroups) };
}
