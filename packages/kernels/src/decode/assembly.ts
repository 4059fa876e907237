/**
 * AssemblyScript, see scripts/build-wasm.mjs. What a token passes in a layer of Mamba between its products: Gu and Dao 2023,
 * arXiv:2312.00752, Alg. 2 with T = 1. States are replaced in place. Addresses count bytes, sizes and strides floats.
 * Letters: B texts, E channels, N state size.
 */
import { exp2X4, siluX4, softplusX4 } from '../vector-math/assembly-exp';
import { bytes, loadLanes, storeLanes, sumsOf } from '../vector-math/assembly-lanes';
import { madd } from '../vector-math/assembly-madd';

export { convolutionStep, convolutionStepBlocks } from './assembly-convolution';
export { decayStep, decayStepBlocks } from './assembly-decay';
export { denseSum, gatedUnit, rotateRows, siluRows, timeSteps } from './assembly-values';

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

/**
 * h = e^(Δ A) h + Δ B u with Δ = softplus(delta); y = (C h + D u + silu(gate) ⊙ Σ_i C h_i) silu(z), h_i the states of the `count` layers that this one reads
 * densely. u, delta, y and gate (0: none) [B, E]; A in units of ln 2, [E, N]; B and C side by side at `bc` in rows of `stride`; D [E]; z in
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
    const states = (at as usize) * (size as usize);
    const read = advanceChannels(h + states, A + bytes(e * size), B, step, f32x4.mul(step, own), lanes, size);
    let sum = madd(loadLanes(D + bytes(e), lanes), own, read);
    if (count) {
      const seen = readSources(sources, count, states, B + bytes(size), lanes, size);
      sum = gate ? madd(siluX4(loadLanes(gate + at, lanes)), seen, sum) : f32x4.add(sum, seen);
    }
    storeLanes(y + at, f32x4.mul(sum, siluX4(loadLanes(z + bytes(row * zStride + e), lanes))), lanes);
  }
}

/** Replaces the states of up to four channels and reads each through C. */
function advanceChannels(h: usize, A: usize, B: usize, step: v128, stepOwn: v128, channels: i32, size: i32): v128 {
  const some = bytes(size);
  const zero = f32x4.splat(0);
  const r0 = advanceChannel(h, A, B, f32x4.extract_lane(step, 0), f32x4.extract_lane(stepOwn, 0), size);
  if (channels < 2) return sumsOf(r0, zero, zero, zero);
  const r1 = advanceChannel(h + some, A + some, B, f32x4.extract_lane(step, 1), f32x4.extract_lane(stepOwn, 1), size);
  if (channels < 3) return sumsOf(r0, r1, zero, zero);
  const r2 = advanceChannel(h + 2 * some, A + 2 * some, B, f32x4.extract_lane(step, 2), f32x4.extract_lane(stepOwn, 2), size);
  if (channels < 4) return sumsOf(r0, r1, r2, zero);
  const r3 = advanceChannel(h + 3 * some, A + 3 * some, B, f32x4.extract_lane(step, 3), f32x4.extract_lane(stepOwn, 3), size);
  return sumsOf(r0, r1, r2, r3);
}

/** Replaces a channel's state and reads it through C, which lies behind B, leaving parts of a sum. Sixteen values at a time, so that V8 makes the constants once for them. */
function advanceChannel(h: usize, A: usize, B: usize, step: f32, stepOwn: f32, size: i32): v128 {
  const C = B + bytes(size);
  const delta = f32x4.splat(step);
  const own = f32x4.splat(stepOwn);
  let sum = f32x4.splat(0);
  let n = 0;
  for (; n + 16 <= size; n += 16) {
    const at = bytes(n);
    const first = advanceFour(h + at, A + at, B + at, delta, own);
    const second = advanceFour(h + at + 16, A + at + 16, B + at + 16, delta, own);
    const third = advanceFour(h + at + 32, A + at + 32, B + at + 32, delta, own);
    const last = advanceFour(h + at + 48, A + at + 48, B + at + 48, delta, own);
    const left = madd(v128.load(C + at, 16), second, f32x4.mul(v128.load(C + at), first));
    const right = madd(v128.load(C + at, 48), last, f32x4.mul(v128.load(C + at, 32), third));
    sum = f32x4.add(sum, f32x4.add(left, right));
  }
  for (; n < size; n += 4) {
    const at = bytes(n);
    const lanes = size - n;
    const next = advanced(loadLanes(h + at, lanes), loadLanes(A + at, lanes), loadLanes(B + at, lanes), delta, own);
    storeLanes(h + at, next, lanes);
    sum = madd(loadLanes(C + at, lanes), next, sum);
  }
  return sum;
}

function advanced(h: v128, A: v128, B: v128, step: v128, stepOwn: v128): v128 {
  return madd(exp2X4(f32x4.mul(step, A)), h, f32x4.mul(stepOwn, B));
}

function advanceFour(h: usize, A: usize, B: usize, step: v128, stepOwn: v128): v128 {
  const next = advanced(v128.load(h), v128.load(A), v128.load(B), step, stepOwn);
  v128.store(h, next);
  return next;
}

/** The states of other layers, of the same channels up to four, read through this layer's C. */
function readSources(sources: usize, count: i32, state: usize, C: usize, channels: i32, size: i32): v128 {
  const some = bytes(size);
  let all = f32x4.splat(0);
  for (let source = 0; source < count; source++) {
    const h = (load<u32>(sources + bytes(source)) as usize) + state;
    const r0 = readChannel(h, C, size);
    const r1 = channels > 1 ? readChannel(h + some, C, size) : r0; // what is not stored may be anything
    const r2 = channels > 2 ? readChannel(h + 2 * some, C, size) : r0;
    const r3 = channels > 3 ? readChannel(h + 3 * some, C, size) : r0;
    all = f32x4.add(all, sumsOf(r0, r1, r2, r3));
  }
  return all;
}

function readChannel(h: usize, C: usize, size: i32): v128 {
  let sum = f32x4.splat(0);
  let n = 0;
  for (; n + 16 <= size; n += 16) {
    const at = bytes(n);
    const left = madd(v128.load(C + at, 16), v128.load(h + at, 16), f32x4.mul(v128.load(C + at), v128.load(h + at)));
    const right = madd(v128.load(C + at, 48), v128.load(h + at, 48), f32x4.mul(v128.load(C + at, 32), v128.load(h + at, 32)));
    sum = f32x4.add(sum, f32x4.add(left, right));
  }
  for (; n < size; n += 4) sum = madd(loadLanes(C + bytes(n), size - n), loadLanes(h + bytes(n), size - n), sum);
  return sum;
}
