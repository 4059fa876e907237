/**
 * AssemblyScript. The gradient of the selective scan over one chunk of tokens; for the equations see gradient.ts. States and decays
 * of a block of four channels are computed again from the state before the chunk and kept in scratch, where the way back reads them;
 * what sums over channels gathers in vectors of four until the group is done.
 */
import { loadLanes, storeLanes } from '../../../backends/wasm/vector-math/assembly-lanes';
import { madd } from '../../../backends/wasm/vector-math/assembly-madd';
import { Scan } from './assembly-blocks';
import { decaysOfBlock } from './assembly-decays';

/** Tokens of a run of {@link backThroughChunk}. */
const RUN: i32 = 64;

/** All gradients of `count` tokens from `token` on, given the state before them in h; leaves in w what they hand to the one before. */
export function gradientOfChunk(s: Scan, token: usize, count: i32): void {
  const sums = (count as usize) * s.block;
  for (let g = s.firstGroup; g < s.endGroup; g++) {
    memory.fill(s.sumsB, 0, sums);
    memory.fill(s.sumsC, 0, sums);
    for (let i = s.firstBlock(g); i < s.endBlock(g); i++) {
      statesAgain(s, token, count, g, i);
      backThroughChunk(s, token, count, g, i);
    }
    addChannels(s, s.sumsB, s.dB, token, count, g);
    addChannels(s, s.sumsC, s.dC, token, count, g);
  }
}

/** dC alone of `count` tokens from `token` on, and the state after them in place of that before. */
export function gradientOfC(s: Scan, token: usize, count: i32): void {
  for (let g = s.firstGroup; g < s.endGroup; g++) {
    memory.fill(s.sumsC, 0, (count as usize) * s.block);
    for (let i = s.firstBlock(g); i < s.endBlock(g); i++) {
      statesAgain(s, token, count, g, i);
      memory.copy(s.h + s.blockAt(g, i), s.history + (count as usize) * s.block, s.block);
    }
    addChannels(s, s.sumsC, s.dC, token, count, g);
  }
}

/** Of one group's sums over channels, one for each lane, the sum of the lanes. */
function addChannels(s: Scan, from: usize, to: usize, token: usize, count: i32, g: i32): void {
  for (let t: usize = 0; t < (count as usize); t++) addLanes(from + t * s.block, to + s.sharedAt(token + t, g), s.states);
}

/** The states and decays of one block in the chunk once more, and dC += dy h. */
function statesAgain(s: Scan, token: usize, count: i32, g: i32, i: i32): void {
  memory.copy(s.history, s.h + s.blockAt(g, i), s.block);
  decaysOfBlock(s, token, count, g, i);
  for (let t: usize = 0; t < (count as usize); t++) {
    if (s.startsAnew(token + t)) memory.fill(s.history + t * s.block, 0, s.block);
    stateAgain(s, token + t, t * s.block, g, i);
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

function stateAgain(s: Scan, token: usize, offset: usize, g: i32, i: i32): void {
  const at = s.channelAt(token, g, i);
  const lanes = s.lanes(i);
  const x = f32x4.mul(loadLanes(s.delta + at, lanes), loadLanes(s.u + at, lanes));
  const dy = loadLanes(s.dy + at, lanes);
  let B = s.B + s.sharedAt(token, g);
  let h = s.history + offset;
  let decays = s.decays + offset;
  let dC = s.sumsC + offset;
  const after = s.block;
  let left = s.states;
  for (; left >= 2; left -= 2) {
    keep(h, after, decays, f32x4.mul(v128.load32_splat(B), x), dC, dy);
    keep(h + 16, after, decays + 16, f32x4.mul(v128.load32_splat(B, 4), x), dC + 16, dy);
    B += 8;
    h += 32;
    decays += 32;
    dC += 32;
  }
  if (left) keep(h, after, decays, f32x4.mul(v128.load32_splat(B), x), dC, dy);
}

function keep(h: usize, after: usize, decays: usize, driven: v128, dC: usize, dy: v128): void {
  const next = madd(v128.load(decays), v128.load(h), driven);
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
  for (let read = 0; read < s.reads; read++) addRead(s, read, token, g, i);
  const dx = wayBack(s, u, delta, dy, s.blockAt(g, i), (t as usize) * s.block, s.sharedAt(token, g), s.dDelta + at, lanes);
  const skip = s.D ? loadLanes(s.D + s.channelAt(0, g, i), lanes) : f32x4.splat(0);
  storeLanes(s.du + at, madd(skip, dy, f32x4.mul(delta, dx)), lanes);
  return f32x4.mul(dy, u);
}

/** w += C dy of another read of the token's state. */
function addRead(s: Scan, read: i32, token: usize, g: i32, i: i32): void {
  const place = (read as usize) * s.tokens + token;
  const dy = loadLanes(s.dyReads + s.channelAt(place, g, i), s.lanes(i));
  let C = s.CReads + s.sharedAt(place, g);
  let w = s.w + s.blockAt(g, i);
  for (const end = w + s.block; w < end; w += 16) {
    v128.store(w, madd(v128.load32_splat(C), dy, v128.load(w)));
    C += 4;
  }
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
