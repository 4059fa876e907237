/**
 * AssemblyScript, see scripts/build-wasm.mjs. What a token passes in a layer of Mamba between its products: Gu and Dao 2023,
 * arXiv:2312.00752, Alg. 2 with T = 1. States are replaced in place. Addresses count bytes, sizes and strides floats.
 * Letters: B texts, E channels, N state size, W width of the convolution.
 */
import { exp2X4, siluX4, softplusX4 } from '../vector-math/assembly-exp';
import { bytes, loadLanes, storeLanes } from '../vector-math/assembly-lanes';
import { madd } from '../vector-math/assembly-madd';

export { decayStep, decayStepBlocks } from './assembly-decay';
export { denseSum, gatedUnit, rotateRows, siluRows, timeSteps } from './assembly-values';

/** Values of the state in a block: some 20 µs. */
const BLOCK: i32 = 1 << 13;

/** y = silu(bias + Σ_j w_j x_(t−W+1+j)). x rows of `stride`, w [E, W], bias [E] or 0, tail [B, E, W−1] newest last, y [B, E]. */
export function convolutionStep(
  x: usize,
  stride: i32,
  w: usize,
  bias: usize,
  tail: usize,
  y: usize,
  batch: i32,
  channels: i32,
  width: i32,
): void {
  const before = width - 1;
  for (let row = 0; row < batch; row++) {
    let filter = w;
    for (let e = 0; e < channels; e++) {
      const newest = load<f32>(x + bytes(e));
      let sum: f32 = bias ? load<f32>(bias + bytes(e)) : 0;
      for (let j = 0; j < before; j++) sum += load<f32>(filter + bytes(j)) * load<f32>(tail + bytes(j));
      store<f32>(y + bytes(e), sum + load<f32>(filter + bytes(before)) * newest);
      for (let j = 1; j < before; j++) store<f32>(tail + bytes(j - 1), load<f32>(tail + bytes(j)));
      if (before > 0) store<f32>(tail + bytes(before - 1), newest);
      filter += bytes(width);
      tail += bytes(before);
    }
    for (let e = 0; e < channels; e += 4) storeLanes(y + bytes(e), siluX4(loadLanes(y + bytes(e), channels - e)), channels - e);
    x += bytes(stride);
    y += bytes(channels);
  }
}

/** Channels of a block, a multiple of 4. */
function channelsOfBlock(size: i32): i32 {
  return max(4, (BLOCK / max(1, size)) & ~3);
}

/** Into how many blocks {@link selectiveStep} cuts its channels. */
export function selectiveStepBlocks(batch: i32, channels: i32, size: i32): i32 {
  const ofBlock = channelsOfBlock(size);
  return batch * ((channels + ofBlock - 1) / ofBlock);
}

/**
 * h = e^(Δ A) h + Δ B u with Δ = softplus(delta); y = (C h + D u + gate ⊙ Σ_i C h_i) silu(z), h_i the states of the `count` layers that this one reads
 * densely. u, delta, y and gate (0: 1) [B, E]; A in units of ln 2, [E, N]; B and C side by side at `bc` in rows of `stride`; D [E]; z in
 * rows of `zStride`; h and each of the addresses at `sources` [B, E, N].
 */
export function selectiveStep(
  u: usize,
  delta: usize,
  A: usize,
  bc: usize,
  stride: i32,
  D: usize,
  h: usize,
  z: usize,
  zStride: i32,
  sources: usize,
  count: i32,
  gate: usize,
  y: usize,
  channels: i32,
  size: i32,
  block: i32,
): void {
  const ofBlock = channelsOfBlock(size);
  const blocks = (channels + ofBlock - 1) / ofBlock;
  const row = block / blocks;
  const first = (block % blocks) * ofBlock;
  const end = min(channels, first + ofBlock);
  const B = bc + bytes(row * stride);
  const start = bytes(row * channels);
  for (let e = first; e < end; e += 4) {
    const at = start + bytes(e);
    const lanes = end - e;
    const own = loadLanes(u + at, lanes);
    const step = softplusX4(loadLanes(delta + at, lanes));
    const stepOwn = f32x4.mul(step, own);
    let read = f32x4.splat(0);
    let seen = f32x4.splat(0);
    for (let lane = 0; lane < min(4, lanes); lane++) {
      const state = (bytes(row * channels + e + lane) as usize) * (size as usize);
      const a = A + bytes((e + lane) * size);
      const sum = advanceChannel(h + state, a, B, laneOf(step, lane), laneOf(stepOwn, lane), size);
      read = v128.bitselect(f32x4.splat(sum), read, maskOf(lane));
      if (count) seen = v128.bitselect(f32x4.splat(readSources(sources, count, state, B + bytes(size), size)), seen, maskOf(lane));
    }
    let sum = madd(loadLanes(D + bytes(e), lanes), own, read);
    if (count) sum = f32x4.add(sum, gate ? f32x4.mul(loadLanes(gate + at, lanes), seen) : seen);
    storeLanes(y + at, f32x4.mul(sum, siluX4(loadLanes(z + bytes(row * zStride + e), lanes))), lanes);
  }
}

function laneOf(value: v128, lane: i32): f32 {
  if (lane === 0) return f32x4.extract_lane(value, 0);
  if (lane === 1) return f32x4.extract_lane(value, 1);
  if (lane === 2) return f32x4.extract_lane(value, 2);
  return f32x4.extract_lane(value, 3);
}

function maskOf(lane: i32): v128 {
  return i32x4.eq(i32x4(0, 1, 2, 3), i32x4.splat(lane));
}

function sumOf(value: v128): f32 {
  return f32x4.extract_lane(value, 0) + f32x4.extract_lane(value, 1) + (f32x4.extract_lane(value, 2) + f32x4.extract_lane(value, 3));
}

/** Replaces a channel's state and reads it through C, which lies behind B. */
function advanceChannel(h: usize, A: usize, B: usize, step: f32, stepOwn: f32, size: i32): f32 {
  const C = B + bytes(size);
  let sum = f32x4.splat(0);
  for (let n = 0; n < size; n += 4) {
    const at = bytes(n);
    const lanes = size - n;
    const decay = exp2X4(f32x4.mul(f32x4.splat(step), loadLanes(A + at, lanes)));
    const next = madd(decay, loadLanes(h + at, lanes), f32x4.mul(f32x4.splat(stepOwn), loadLanes(B + at, lanes)));
    storeLanes(h + at, next, lanes);
    sum = madd(loadLanes(C + at, lanes), next, sum);
  }
  return sumOf(sum);
}

/** The states of other layers, of the same channel, read through this layer's C. */
function readSources(sources: usize, count: i32, state: usize, C: usize, size: i32): f32 {
  let sum = f32x4.splat(0);
  for (let source = 0; source < count; source++) {
    const h = (load<u32>(sources + bytes(source)) as usize) + state;
    for (let n = 0; n < size; n += 4) sum = madd(loadLanes(C + bytes(n), size - n), loadLanes(h + bytes(n), size - n), sum);
  }
  return sumOf(sum);
}
