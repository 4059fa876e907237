/**
 * AssemblyScript, see scripts/build-wasm.mjs. What a token passes in a layer of Mamba between its products: Gu and Dao 2023,
 * arXiv:2312.00752, Alg. 2 with T = 1. States are replaced in place. Addresses count bytes, sizes and strides floats.
 * Letters: B texts, E channels, N state size.
 */

import { touchPages } from '../packed/assembly-floats';
import { exp2InsideX4, siluX4, softplusOfAll } from '../vector-math/assembly-exp';
import { bytes, loadLanes, storeLanes, sumsOf } from '../vector-math/assembly-lanes';
import { madd } from '../vector-math/assembly-madd';

export { convolutionStep, convolutionStepBlocks } from './assembly-convolution';
export { decayStep, decayStepBlocks } from './assembly-decay';
export { denseSum, gatedUnit, rotateRows, siluRows, timeSteps, valueBlocks } from './assembly-values';

/** Values of the state in a block: some 10 µs. */
const BLOCK: i32 = 1 << 12;

/** Channels of a block, a multiple of 4. */
function channelsOfBlock(size: i32): i32 {
  return max(4, (BLOCK / max(1, size)) & ~3);
}

/** Into how many blocks {@link selectiveStep} cuts its channels. */
export function selectiveStepBlocks(batch: i32, channels: i32, size: i32): i32 {
  const ofBlock = channelsOfBlock(size);
  return batch * ((channels + ofBlock - 1) / ofBlock);
}

/** Of scratch for each channel of a block: its Δ, and parts of the sums C h and Σ_i C h_i. */
const SCRATCH: usize = 4 + 16 + 16;

/** Bytes that {@link selectiveStep} needs at `scratch`. */
export function selectiveStepScratchBytes(size: i32): usize {
  return (channelsOfBlock(size) as usize) * SCRATCH;
}

/**
 * h = e^(Δ A) h + Δ B u with Δ = softplus(delta); y = (C h + D u + silu(gate) ⊙ Σ_i C h_i) silu(z), h_i the states of the `count` layers that this one reads
 * densely. u, delta, y and gate (0: none) [B, E]; A in units of ln 2, not above 0, [E, N]; B and C side by side at `bc` in rows of `stride`; D [E]; z in
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
  scratch: usize,
): void {
  const ofBlock = channelsOfBlock(size);
  const blocks = (channels + ofBlock - 1) / ofBlock;
  const row = block / blocks;
  const first = (block % blocks) * ofBlock;
  const some = min(channels - first, ofBlock);
  const at = bytes(row * channels + first);
  const states = (at as usize) * (size as usize);
  const B = bc + bytes(row * stride);
  const own = scratch + bytes(ofBlock);
  const seen = own + 4 * bytes(ofBlock);
  const held = bytes(some * size);
  touchPages(h + states, held);
  touchPages(A + bytes(first * size), held);
  for (let source = 0; source < count; source++) touchPages((load<u32>(sources + bytes(source)) as usize) + states, held);
  softplusOfAll(delta + at, scratch, some);
  advance(h + states, A + bytes(first * size), B, scratch, u + at, own, some, size);
  if (count) readSources(sources, count, states, B + bytes(size), seen, some, size);
  finish(u + at, D + bytes(first), own, count ? seen : 0, gate ? gate + at : 0, z + bytes(row * zStride + first), y + at, some);
}

/** y = (own + D u + silu(gate) ⊙ seen) silu(z), own and seen (0: none) given as vectors whose sums they are. */
function finish(u: usize, D: usize, own: usize, seen: usize, gate: usize, z: usize, y: usize, channels: i32): void {
  let at: usize = 0;
  do {
    let sum = madd(loadLanes(D + at, channels), loadLanes(u + at, channels), sumsAt(own + 4 * at));
    if (seen) {
      const read = sumsAt(seen + 4 * at);
      sum = gate ? madd(siluX4(loadLanes(gate + at, channels)), read, sum) : f32x4.add(sum, read);
    }
    storeLanes(y + at, f32x4.mul(sum, siluX4(loadLanes(z + at, channels))), channels);
    at += 16;
    channels -= 4;
  } while (channels > 0);
}

function sumsAt(four: usize): v128 {
  return sumsOf(v128.load(four), v128.load(four, 16), v128.load(four, 32), v128.load(four, 48));
}

/** Replaces the states of channels and reads each through C, which lies behind B, leaving parts of a sum. */
function advance(h: usize, A: usize, B: usize, steps: usize, u: usize, sums: usize, channels: i32, size: i32): void {
  if (size % 16 === 0) advanceWhole(h, A, B, steps, u, sums, channels, size);
  else advanceLanes(h, A, B, steps, u, sums, channels, size);
}

/** Of sixteen state values at a time, in loops tested at their end, so that V8 makes the constants once. */
function advanceWhole(h: usize, A: usize, B: usize, steps: usize, u: usize, sums: usize, channels: i32, size: i32): void {
  const C = B + bytes(size);
  do {
    const step = v128.load32_splat(steps);
    const own = f32x4.mul(step, v128.load32_splat(u));
    let sum = f32x4.splat(0);
    let at: usize = 0;
    do {
      const first = advanceFour(h, A, B + at, step, own);
      const second = advanceFour(h + 16, A + 16, B + at + 16, step, own);
      const third = advanceFour(h + 32, A + 32, B + at + 32, step, own);
      const last = advanceFour(h + 48, A + 48, B + at + 48, step, own);
      const left = madd(v128.load(C + at, 16), second, f32x4.mul(v128.load(C + at), first));
      const right = madd(v128.load(C + at, 48), last, f32x4.mul(v128.load(C + at, 32), third));
      sum = f32x4.add(sum, f32x4.add(left, right));
      h += 64;
      A += 64;
      at += 64;
    } while (at < bytes(size));
    v128.store(sums, sum);
    steps += 4;
    u += 4;
    sums += 16;
  } while (--channels);
}

function advanceLanes(h: usize, A: usize, B: usize, steps: usize, u: usize, sums: usize, channels: i32, size: i32): void {
  const C = B + bytes(size);
  for (; channels > 0; channels--) {
    const step = v128.load32_splat(steps);
    const own = f32x4.mul(step, v128.load32_splat(u));
    let sum = f32x4.splat(0);
    for (let n = 0; n < size; n += 4) {
      const lanes = min(4, size - n);
      const next = advanced(loadLanes(h, lanes), loadLanes(A, lanes), loadLanes(B + bytes(n), lanes), step, own);
      storeLanes(h, next, lanes);
      sum = madd(loadLanes(C + bytes(n), lanes), next, sum);
      h += bytes(lanes);
      A += bytes(lanes);
    }
    v128.store(sums, sum);
    steps += 4;
    u += 4;
    sums += 16;
  }
}

function advanced(h: v128, A: v128, B: v128, step: v128, own: v128): v128 {
  const decay = exp2InsideX4(f32x4.pmax(f32x4.mul(step, A), f32x4.splat(-127)));
  return madd(decay, h, f32x4.mul(own, B));
}

function advanceFour(h: usize, A: usize, B: usize, step: v128, own: v128): v128 {
  const next = advanced(v128.load(h), v128.load(A), v128.load(B), step, own);
  v128.store(h, next);
  return next;
}

/** The states of other layers, read through this layer's C, summed over the layers: parts of a sum for each channel. */
function readSources(sources: usize, count: i32, states: usize, C: usize, sums: usize, channels: i32, size: i32): void {
  for (let source = 0; source < count; source++) {
    let h = (load<u32>(sources + bytes(source)) as usize) + states;
    for (let e = 0; e < channels; e++) {
      const at = sums + 4 * bytes(e);
      let sum = source ? v128.load(at) : f32x4.splat(0);
      let n = 0;
      for (; n + 16 <= size; n += 16) {
        const c = C + bytes(n);
        const left = madd(v128.load(c, 16), v128.load(h, 16), f32x4.mul(v128.load(c), v128.load(h)));
        const right = madd(v128.load(c, 48), v128.load(h, 48), f32x4.mul(v128.load(c, 32), v128.load(h, 32)));
        sum = f32x4.add(sum, f32x4.add(left, right));
        h += 64;
      }
      for (; n < size; n += 4) {
        const lanes = min(4, size - n);
        sum = madd(loadLanes(C + bytes(n), lanes), loadLanes(h, lanes), sum);
        h += bytes(lanes);
      }
      v128.store(at, sum);
    }
  }
}
