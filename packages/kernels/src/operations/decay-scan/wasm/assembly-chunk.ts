/** AssemblyScript. One head of one sequence of the decay scan: where a chunk of its tokens lies in scratch, and what products of it need. */

import { expX4 } from '../../../backends/wasm/vector-math/assembly-exp';
import { bytes, loadLanes, storeLanes } from '../../../backends/wasm/vector-math/assembly-lanes';
import { madd } from '../../../backends/wasm/vector-math/assembly-madd';
import { multiplyBlock, Product, scratchOfBlock } from '../../matmul/wasm/assembly-block';

/** Lies in scratch. Addresses of tensors point to their first value, 0 where one is left out; those of one chunk point to scratch. */
@unmanaged
export class Scan {
  length: i32;
  heads: i32;
  /** K and V. */
  keys: i32;
  values: i32;
  /** The head at hand, and its first token counted over the whole batch. */
  head: i32;
  first: usize;
  /** Whether logDecay is [H]. */
  constant: bool;
  logDecay: usize;
  documentStarts: usize;
  /** Head and tokens that the decays below belong to; -1 where they hold for one chunk alone. */
  knownHead: i32;
  knownCount: i32;
  /** Rows of a chunk, one token after the other: [C, K], [C, K], [C, V], and of the gradient [C, V]. */
  q: usize;
  k: usize;
  v: usize;
  dO: usize;
  /** At [i, j] the decay from token j to i, 0 where j is later; from before the chunk to token i; and the exponents of a row. [C, C], [C], [C] */
  between: usize;
  fromStart: usize;
  exponents: usize;
  /** Q Kᵀ and dO Vᵀ, [C, C]; room for two results of [C, K] or [C, V]; one [K, V]. */
  products: usize;
  dProducts: usize;
  left: usize;
  right: usize;
  gained: usize;
  /** The gradient of the state after the chunk; the state before it. [K, V] */
  after: usize;
  state: usize;
  /** Of a product. */
  panels: usize;

  get stateBytes(): usize {
    return bytes(this.keys * this.values);
  }
  /** Bytes from a tensor's first value [B, T, H, width] to a token of this head. */
  at(t: i32, width: i32): usize {
    return ((this.first + (t as usize)) * (this.heads as usize) + (this.head as usize)) * bytes(width);
  }
  /** ln a of a token of this head, -Infinity where the state starts anew. */
  lnDecay(t: i32): f32 {
    const token = this.first + (t as usize);
    if (this.documentStarts !== 0 && load<i32>(this.documentStarts + (token << 2)) !== 0) return -Infinity;
    if (this.constant) return load<f32>(this.logDecay + bytes(this.head));
    return load<f32>(this.logDecay + this.at(t, 1));
  }
  /** From token j of the chunk to its last of `count`, and across the whole chunk. */
  toEnd(count: i32, j: i32): f32 {
    return load<f32>(this.between + bytes((count - 1) * count + j));
  }
  whole(count: i32): f32 {
    return load<f32>(this.fromStart + bytes(count - 1));
  }
}

/** Vectors may reach behind the last value of what is read by fours. */
const MARGIN: i32 = 4;

/** Floats in scratch for chunks of C tokens, without states and panels; laid out by {@link layOut}. */
function floatsOf(C: i32, keys: i32, values: i32): usize {
  const rows = (C as usize) * ((2 * (keys + values + max(keys, values)) + 3 * C + 2) as usize);
  return rows + 2 * (keys as usize) * (values as usize) + ((2 * MARGIN) as usize);
}

function panelBytes(C: i32, keys: i32, values: i32): usize {
  const most = max(C, max(keys, values));
  return offsetof<Product>() + scratchOfBlock(most, most, most);
}

/** Bytes that a scan needs which keeps so many states. */
export function scratchBytes(C: i32, keys: i32, values: i32, states: i32): usize {
  const kept = (states as usize) * (keys as usize) * (values as usize);
  return offsetof<Scan>() + ((floatsOf(C, keys, values) + kept) << 2) + panelBytes(C, keys, values);
}

/** A scan in scratch, whose first state lies at `state`. */
export function layOut(scratch: usize, C: i32, keys: i32, values: i32): Scan {
  const s = changetype<Scan>(scratch);
  const wide = max(keys, values);
  s.keys = keys;
  s.values = values;
  s.knownHead = -1;
  s.q = scratch + offsetof<Scan>();
  s.k = s.q + bytes(C * keys);
  s.v = s.k + bytes(C * keys);
  s.dO = s.v + bytes(C * values);
  s.between = s.dO + bytes(C * values);
  s.fromStart = s.between + bytes(C * C);
  s.exponents = s.fromStart + bytes(C + MARGIN);
  s.products = s.exponents + bytes(C + MARGIN);
  s.dProducts = s.products + bytes(C * C);
  s.left = s.dProducts + bytes(C * C);
  s.right = s.left + bytes(C * wide);
  s.gained = s.right + bytes(C * wide);
  s.after = s.gained + s.stateBytes;
  s.panels = s.after + s.stateBytes;
  s.state = s.panels + panelBytes(C, keys, values);
  return s;
}

/** The rows of this head, `count` tokens from t on, side by side. */
export function gather(s: Scan, from: usize, to: usize, t: i32, count: i32, width: i32): void {
  const size = bytes(width);
  for (let i = 0; i < count; i++) memory.copy(to + (i as usize) * size, from + s.at(t + i, width), size);
}

/** C [m, n] = A B, as `matMul`. */
export function multiply(s: Scan, a: usize, b: usize, c: usize, m: i32, k: i32, n: i32, transposeA: bool, transposeB: bool): void {
  const p = changetype<Product>(s.panels);
  p.set(a, b, c, 0, m, k, n, transposeA, transposeB);
  if (k === 0) memory.fill(c, 0, bytes(m * n));
  else multiplyBlock(p, 0, m, 0, n, s.panels + offsetof<Product>());
}

/**
 * The decays of `count` tokens from t on. Every exponent is a sum over just the tokens between, as in decays.ts: row i is the row
 * before it plus ln a_i. A start lets them all be -Infinity, whose exponential is zero.
 */
export function setDecays(s: Scan, t: i32, count: i32): void {
  if (s.knownHead === s.head && s.knownCount === count) return;
  s.knownHead = s.constant && s.documentStarts === 0 ? s.head : -1;
  s.knownCount = count;
  memory.fill(s.between, 0, bytes(count * count));
  memory.fill(s.exponents, 0, bytes(count));
  let sinceStart: f32 = 0;
  for (let i = 0; i < count; i++) {
    const ln = s.lnDecay(t + i);
    sinceStart += ln;
    store<f32>(s.fromStart + bytes(i), sinceStart);
    const row = s.between + bytes(i * count);
    for (let j = 0; j <= i; j += 4) {
      const later = i32x4.add(i32x4.splat(j), i32x4(0, 1, 2, 3));
      const longer = f32x4.add(v128.load(s.exponents + bytes(j)), f32x4.splat(ln));
      const exponent = v128.and(longer, i32x4.lt_s(later, i32x4.splat(i)));
      v128.store(s.exponents + bytes(j), exponent);
      storeLanes(row + bytes(j), v128.and(expX4(exponent), i32x4.le_s(later, i32x4.splat(i))), count - j);
    }
  }
  for (let i = 0; i < count; i += 4) v128.store(s.fromStart + bytes(i), expX4(v128.load(s.fromStart + bytes(i))));
}

/** x *= y, value by value. */
export function multiplyInto(x: usize, y: usize, size: i32): void {
  for (let i = 0; i < size; i += 4) {
    const at = bytes(i);
    storeLanes(x + at, f32x4.mul(loadLanes(x + at, size - i), loadLanes(y + at, size - i)), size - i);
  }
}

/** x = factor x + y, value by value. */
export function scaleAndAdd(x: usize, factor: f32, y: usize, size: i32): void {
  const all = f32x4.splat(factor);
  for (let i = 0; i < size; i += 4) {
    const at = bytes(i);
    storeLanes(x + at, madd(all, loadLanes(x + at, size - i), loadLanes(y + at, size - i)), size - i);
  }
}

/** x *= factor, value by value. */
export function scale(x: usize, factor: f32, size: i32): void {
  for (let i = 0; i < size; i += 4) {
    const at = x + bytes(i);
    storeLanes(at, f32x4.mul(loadLanes(at, size - i), f32x4.splat(factor)), size - i);
  }
}

/** to = x + factor y, value by value. */
export function addScaled(to: usize, x: usize, factor: f32, y: usize, size: i32): void {
  const all = f32x4.splat(factor);
  for (let i = 0; i < size; i += 4) {
    const at = bytes(i);
    storeLanes(to + at, madd(all, loadLanes(y + at, size - i), loadLanes(x + at, size - i)), size - i);
  }
}

/** Σ x y. */
export function inner(x: usize, y: usize, size: i32): f32 {
  let sums = f32x4.splat(0);
  for (let i = 0; i < size; i += 4) sums = madd(loadLanes(x + bytes(i), size - i), loadLanes(y + bytes(i), size - i), sums);
  return sumOfLanes(sums);
}

export function sumOfLanes(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}
