/**
 * AssemblyScript. The gradient of the selective scan over one chunk of tokens; for the equations see gradient.ts. States and decays
 * of a block of four channels are computed again from the state before the chunk and kept in scratch, where the way back reads them;
 * what sums over channels gathers in vectors of four until the group is done.
 */
import { exp2X4 } from '../vector-math/assembly-exp';
import { loadLanes, storeLanes } from '../vector-math/assembly-lanes';
import { madd } from '../vector-math/assembly-madd';
import { Scan } from './assembly-blocks';
import { LOG2_E } from './assembly-decays';

/** Tokens of a run of {@link backThroughChunk}. */
const RUN: i32 = 64;

/** All gradients of `count` tokens from `token` on, given the state before them in h; leaves in w what they hand to the one before. */
export function gradientOfChunk(s: Scan, token: usize, count: i32): void {
  const sums = (count as usize) * s.block;
  for (let g = s.firstGroup; g < s.endGroup; g++) {
    memory.fill(s.sumsB, 0, sums);
    memory.fill(s.sumsC, 0, sums);
    for (let i = s.firstBlock(g); i < s.endBlock(g); i++) {
      memory.copy(s.history, s.h + s.blockAt(g, i), s.block);
      for (let t = 0; t < count; t++) {
        if (s.startsAnew(token + (t as usize))) memory.fill(s.history + (t as usize) * s.block, 0, s.block);
        stateAgain(s, token + (t as usize), t, g, i);
      }
      backThroughChunk(s, token, count, g, i);
    }
    for (let t = 0; t < count; t++) {
      const at = s.sharedAt(token + (t as usize), g);
      addLanes(s.sumsB + (t as usize) * s.block, s.dB + at, s.states);
      addLanes(s.sumsC + (t as usize) * s.block, s.dC + at, s.states);
    }
  }
}

/** The way back of one block. dA and dD are summed over runs of tokens first, so that rounding errors do not grow with their number. */
function backThroughChunk(s: Scan, token: usize, count: i32, g: i32, i: i32): void {
  const dD = s.dD + (((g * s.blocks + i) as usize) << 4);
  let skipped = f32x4.splat(0);
  memory.fill(s.sumsA, 0, s.block);
  for (let t = count - 1; t >= 0; t--) {
    skipped = f32x4.add(skipped, stepBack(s, token + (t as usize), t, g, i));
    if (s.startsAnew(token + (t as usize))) memory.fill(s.w + s.blockAt(g, i), 0, s.block);
    if (t % RUN !== 0) continue;
    addVectors(s.dA + s.blockAt(g, i), s.sumsA, s.states);
    memory.fill(s.sumsA, 0, s.block);
    v128.store(dD, f32x4.add(v128.load(dD), skipped));
    skipped = f32x4.splat(0);
  }
}

/** The state after token t of the chunk and its decay once more, and dC += dy h. */
function stateAgain(s: Scan, token: usize, t: i32, g: i32, i: i32): void {
  const at = s.channelAt(token, g, i);
  const lanes = s.lanes(i);
  const delta = loadLanes(s.delta + at, lanes);
  const x = f32x4.mul(delta, loadLanes(s.u + at, lanes));
  const dy = loadLanes(s.dy + at, lanes);
  const step = f32x4.mul(delta, f32x4.splat(LOG2_E));
  const offset = (t as usize) * s.block;
  let A = s.A + s.blockAt(g, i);
  let B = s.B + s.sharedAt(token, g);
  let h = s.history + offset;
  let decays = s.decays + offset;
  let dC = s.sumsC + offset;
  const after = s.block;
  let left = s.states;
  for (; left >= 2; left -= 2) {
    const decay0 = exp2X4(f32x4.mul(step, v128.load(A)));
    const decay1 = exp2X4(f32x4.mul(step, v128.load(A, 16)));
    keep(h, after, decays, decay0, f32x4.mul(v128.load32_splat(B), x), dC, dy);
    keep(h + 16, after, decays + 16, decay1, f32x4.mul(v128.load32_splat(B, 4), x), dC + 16, dy);
    A += 32;
    B += 8;
    h += 32;
    decays += 32;
    dC += 32;
  }
  if (left) keep(h, after, decays, exp2X4(f32x4.mul(step, v128.load(A))), f32x4.mul(v128.load32_splat(B), x), dC, dy);
}

function keep(h: usize, after: usize, decays: usize, decay: v128, driven: v128, dC: usize, dy: v128): void {
  const next = madd(decay, v128.load(h), driven);
  v128.store(decays, decay);
  v128.store(h + after, next);
  v128.store(dC, madd(dy, next, v128.load(dC)));
}

/** One token on the way back: its du and dDelta, what it adds to dA and dB, and w for the token before it. Returns what it adds to dD. */
function stepBack(s: Scan, token: usize, t: i32, g: i32, i: i32): v128 {
  const at = s.channelAt(token, g, i);
  const lanes = s.lanes(i);
  const u = loadLanes(s.u + at, lanes);
  const delta = loadLanes(s.delta + at, lanes);
  const dy = loadLanes(s.dy + at, lanes);
  const dx = wayBack(s, u, delta, dy, s.blockAt(g, i), (t as usize) * s.block, s.sharedAt(token, g), s.dDelta + at, lanes);
  const skip = s.D ? loadLanes(s.D + s.channelAt(0, g, i), lanes) : f32x4.splat(0);
  storeLanes(s.du + at, madd(skip, dy, f32x4.mul(delta, dx)), lanes);
  return f32x4.mul(dy, u);
}

/** The loop of {@link stepBack} over the state: stores dDelta and returns dx. */
function wayBack(s: Scan, u: v128, delta: v128, dy: v128, block: usize, offset: usize, shared: usize, dDelta: usize, lanes: i32): v128 {
  const x = f32x4.mul(delta, u);
  let A = s.A + block;
  let dA = s.sumsA;
  let w = s.w + block;
  let B = s.B + shared;
  let C = s.C + shared;
  let before = s.history + offset;
  let decays = s.decays + offset;
  let dB = s.sumsB + offset;
  let dx = f32x4.splat(0);
  let dDecay = dx;
  for (const end = w + s.block; w < end; w += 16) {
    const dh = madd(v128.load32_splat(C), dy, v128.load(w));
    const handed = f32x4.mul(v128.load(decays), dh);
    const q = f32x4.mul(handed, v128.load(before));
    v128.store(w, handed);
    v128.store(dA, madd(q, delta, v128.load(dA)));
    v128.store(dB, madd(dh, x, v128.load(dB)));
    dx = madd(dh, v128.load32_splat(B), dx);
    dDecay = madd(q, v128.load(A), dDecay);
    A += 16;
    dA += 16;
    B += 4;
    C += 4;
    before += 16;
    decays += 16;
    dB += 16;
  }
  storeLanes(dDelta, madd(u, dx, dDecay), lanes);
  return dx;
}

/** to += from, `count` vectors. */
function addVectors(to: usize, from: usize, count: i32): void {
  for (let n = 0; n < count; n++) {
    v128.store(to, f32x4.add(v128.load(to), v128.load(from)));
    to += 16;
    from += 16;
  }
}

/** Of each of `count` vectors the sum of its lanes. */
function addLanes(from: usize, to: usize, count: i32): void {
  for (let n = 0; n < count; n++) {
    const x = v128.load(from);
    const pairs = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
    store<f32>(to, f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1));
    from += 16;
    to += 4;
  }
}
