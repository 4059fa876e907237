/**
 * AssemblyScript. One token of the decay scan: Sun et al. 2023, arXiv:2307.08621, eq. 6; Dao and Gu 2024, arXiv:2405.21060, §6. States are
 * replaced in place. Letters: B texts, H heads, G groups of heads that share q and k, K and V widths of keys and values.
 */
import { siluX4 } from '../vector-math/assembly-exp';
import { bytes, loadLanes, storeLanes } from '../vector-math/assembly-lanes';
import { madd } from '../vector-math/assembly-madd';

/** Values of the state in a block, some 20 µs. */
const BLOCK: i32 = 1 << 15;
/** Values of a row that a block reads at least, where there are so many: memory is fast where it is read on and on. */
const LEAST_RUN: i32 = 512;

/** Values of a head's rows that one block has: all of them where several heads fit. */
function runOf(keys: i32, values: i32): i32 {
  return min(values, max(LEAST_RUN, (BLOCK / max(1, keys)) & ~3));
}

function headsOfBlock(keys: i32, values: i32): i32 {
  return runOf(keys, values) < values ? 1 : max(1, BLOCK / max(1, keys * values));
}

/** Into how many blocks {@link decayStep} cuts heads and their values. */
export function decayStepBlocks(batch: i32, heads: i32, keys: i32, values: i32): i32 {
  const run = runOf(keys, values);
  const ofBlock = headsOfBlock(keys, values);
  return ((batch * heads + ofBlock - 1) / ofBlock) * ((values + run - 1) / run);
}

/**
 * S = a S + s kᵀ v; o = q S + silu(gate) ⊙ Σ_i q S_i + d v, S_i the states of the `count` layers that this one reads densely. q, k [B, G, K] in rows of
 * `stride`, v [B, H, V] in rows of `vStride`; a, s (0: 1) [B, H]; d [H] or 0; S and each of the addresses at `sources` [B, H, K, V]; gate (0: none)
 * and o [B, H, V].
 */
export function decayStep(
  q: usize,
  k: usize,
  stride: i32,
  v: usize,
  vStride: i32,
  a: usize,
  s: usize,
  d: usize,
  S: usize,
  sources: usize,
  count: i32,
  gate: usize,
  o: usize,
  batch: i32,
  heads: i32,
  ofGroup: i32,
  keys: i32,
  values: i32,
  block: i32,
): void {
  const run = runOf(keys, values);
  const runs = (values + run - 1) / run;
  const ofBlock = headsOfBlock(keys, values);
  const from = (block % runs) * run;
  const lanes = min(run, values - from);
  const first = (block / runs) * ofBlock;
  for (let item = first; item < min(batch * heads, first + ofBlock); item++) {
    const head = item % heads;
    const row = item / heads;
    const keyAt = bytes(row * stride + (head / ofGroup) * keys);
    const own = v + bytes(row * vStride + head * values + from);
    const at = bytes(item) as usize;
    const to = o + at * (values as usize) + bytes(from);
    const state = at * (keys as usize) * (values as usize) + bytes(from);
    memory.fill(to, 0, bytes(lanes));
    for (let source = 0; source < count; source++)
      readState((load<u32>(sources + bytes(source)) as usize) + state, q + keyAt, to, keys, values, lanes);
    if (count && gate) openGate(to, gate + at * (values as usize) + bytes(from), lanes);
    if (d) addScaled(to, load<f32>(d + bytes(head)), own, lanes);
    const step: f32 = s ? load<f32>(s + at) : 1;
    advanceState(S + state, load<f32>(a + at), q + keyAt, k + keyAt, step, own, to, keys, values, lanes);
  }
}

function openGate(x: usize, gate: usize, size: i32): void {
  for (let j = 0; j < size; j += 4) {
    const at = bytes(j);
    storeLanes(x + at, f32x4.mul(loadLanes(x + at, size - j), siluX4(loadLanes(gate + at, size - j))), size - j);
  }
}

function addScaled(x: usize, factor: f32, y: usize, size: i32): void {
  for (let j = 0; j < size; j += 4) {
    const at = bytes(j);
    storeLanes(x + at, madd(f32x4.splat(factor), loadLanes(y + at, size - j), loadLanes(x + at, size - j)), size - j);
  }
}

/** Replaces `lanes` columns of a state and adds what q reads of them to o, four rows at a time. */
function advanceState(S: usize, a: f32, q: usize, k: usize, s: f32, v: usize, o: usize, keys: i32, values: i32, lanes: i32): void {
  const decay = f32x4.splat(a);
  const row = bytes(values);
  let i = 0;
  for (; i + 4 <= keys; i += 4) {
    const k0 = f32x4.splat(s * load<f32>(k));
    const k1 = f32x4.splat(s * load<f32>(k, 4));
    const k2 = f32x4.splat(s * load<f32>(k, 8));
    const k3 = f32x4.splat(s * load<f32>(k, 12));
    const q0 = v128.load32_splat(q);
    const q1 = v128.load32_splat(q, 4);
    const q2 = v128.load32_splat(q, 8);
    const q3 = v128.load32_splat(q, 12);
    let at = S;
    let j = 0;
    for (; j + 4 <= lanes; j += 4) {
      const value = v128.load(v + bytes(j));
      const third = at + 2 * row;
      const s0 = madd(decay, v128.load(at), f32x4.mul(k0, value));
      const s1 = madd(decay, v128.load(at + row), f32x4.mul(k1, value));
      const s2 = madd(decay, v128.load(third), f32x4.mul(k2, value));
      const s3 = madd(decay, v128.load(third + row), f32x4.mul(k3, value));
      v128.store(at, s0);
      v128.store(at + row, s1);
      v128.store(third, s2);
      v128.store(third + row, s3);
      const left = madd(q1, s1, madd(q0, s0, v128.load(o + bytes(j))));
      v128.store(o + bytes(j), f32x4.add(left, madd(q3, s3, f32x4.mul(q2, s2))));
      at += 16;
    }
    if (j < lanes) {
      const rest = lanes - j;
      for (let r = 0; r < 4; r++)
        advanceLanes(at + (r as usize) * row, decay, q + bytes(r), s * load<f32>(k + bytes(r)), v + bytes(j), o + bytes(j), rest);
    }
    S += 4 * row;
    q += 16;
    k += 16;
  }
  for (; i < keys; i++) {
    for (let j = 0; j < lanes; j += 4) advanceLanes(S + bytes(j), decay, q, s * load<f32>(k), v + bytes(j), o + bytes(j), lanes - j);
    S += row;
    q += 4;
    k += 4;
  }
}

function advanceLanes(S: usize, decay: v128, q: usize, key: f32, v: usize, o: usize, lanes: i32): void {
  const next = madd(decay, loadLanes(S, lanes), f32x4.mul(f32x4.splat(key), loadLanes(v, lanes)));
  storeLanes(S, next, lanes);
  storeLanes(o, madd(v128.load32_splat(q), next, loadLanes(o, lanes)), lanes);
}

/** o += q S, for `lanes` columns. */
function readState(S: usize, q: usize, o: usize, keys: i32, values: i32, lanes: i32): void {
  for (let i = 0; i < keys; i++) {
    const query = v128.load32_splat(q);
    for (let j = 0; j < lanes; j += 4) {
      const at = bytes(j);
      storeLanes(o + at, madd(query, loadLanes(S + at, lanes - j), loadLanes(o + at, lanes - j)), lanes - j);
    }
    S += bytes(values);
    q += 4;
  }
}
