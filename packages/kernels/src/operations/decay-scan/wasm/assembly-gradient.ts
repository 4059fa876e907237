/** AssemblyScript. The gradient of the decay scan over one chunk of one head; for the equations see gradient.ts. */
import { bytes, loadLanes } from '../../../backends/wasm/vector-math/assembly-lanes';
import { addScaled, gather, inner, multiply, multiplyInto, Scan, scale, scaleAndAdd, sumOfLanes } from './assembly-chunk';

/** Where gradients go: as the tensors that they belong to. Lies in scratch. */
@unmanaged
export class Gradients {
  q: usize;
  k: usize;
  v: usize;
  /** [B, T, H], [B, H] of a constant rate, or 0 where it is not asked for. */
  logDecay: usize;
  /** Of a constant rate the sum over the tokens so far. */
  rate: f64;
  /** Of the exponents of `fromStart` and `toEnd`, [C] each, and of those of `between` summed over the tokens from t on, [C]. */
  ofFromStart: usize;
  ofToEnd: usize;
  ofBetween: usize;
}

/** Gradients of the chunk whose k and v were read, given the state before it; `after` becomes that of the state before the chunk. */
export function gradientOfChunk(s: Scan, to: Gradients, q: usize, dO: usize, t: i32, count: i32): void {
  gather(s, q, s.q, t, count, s.keys);
  gather(s, dO, s.dO, t, count, s.values);
  multiply(s, s.q, s.k, s.products, count, s.keys, count, false, true);
  multiply(s, s.dO, s.v, s.dProducts, count, s.values, count, false, true);
  multiplyInto(s.dProducts, s.between, count * count);
  ofQueries(s, to, t, count);
  ofKeys(s, to, t, count);
  if (to.logDecay) ofDecays(s, to, t, count); // before the products are decayed, and `after` is that of another state
  multiplyInto(s.products, s.between, count * count);
  ofValues(s, to, t, count);
  for (let i = 0; i < count; i++) scale(s.q + bytes(i * s.keys), load<f32>(s.fromStart + bytes(i)), s.keys);
  multiply(s, s.q, s.dO, s.gained, s.keys, count, s.values, true, false);
  scaleAndAdd(s.after, s.whole(count), s.gained, s.keys * s.values);
}

/** dQ = dP K + exp(c) dO Sᵀ */
function ofQueries(s: Scan, to: Gradients, t: i32, count: i32): void {
  multiply(s, s.dProducts, s.k, s.left, count, count, s.keys, false, false);
  multiply(s, s.dO, s.state, s.right, count, s.values, s.keys, false, true);
  for (let i = 0; i < count; i++) {
    const row = bytes(i * s.keys);
    const decay = load<f32>(s.fromStart + bytes(i));
    addScaled(to.q + s.at(t + i, s.keys), s.left + row, decay, s.right + row, s.keys);
    if (to.logDecay) store<f32>(to.ofFromStart + bytes(i), decay * inner(s.q + row, s.right + row, s.keys));
  }
}

/** dK = dPᵀ Q + exp(c_C − c) V dS'ᵀ */
function ofKeys(s: Scan, to: Gradients, t: i32, count: i32): void {
  multiply(s, s.dProducts, s.q, s.left, count, count, s.keys, true, false);
  multiply(s, s.v, s.after, s.right, count, s.values, s.keys, false, true);
  for (let j = 0; j < count; j++) {
    const row = bytes(j * s.keys);
    const decay = s.toEnd(count, j);
    addScaled(to.k + s.at(t + j, s.keys), s.left + row, decay, s.right + row, s.keys);
    if (to.logDecay) store<f32>(to.ofToEnd + bytes(j), decay * inner(s.k + row, s.right + row, s.keys));
  }
}

/** dV = Wᵀ dO + exp(c_C − c) K dS' */
function ofValues(s: Scan, to: Gradients, t: i32, count: i32): void {
  multiply(s, s.products, s.dO, s.left, count, count, s.values, true, false);
  multiply(s, s.k, s.after, s.right, count, s.keys, s.values, false, false);
  for (let j = 0; j < count; j++) {
    const row = bytes(j * s.values);
    addScaled(to.v + s.at(t + j, s.values), s.left + row, s.toEnd(count, j), s.right + row, s.values);
  }
}

/**
 * d ln a_t = Σ_(j<t≤i) (dP ⊙ Q Kᵀ)_ij, and of what decays from before the chunk, to its end and across it, as in decays.ts: summed
 * term by term, for q · dq − k · dk would lose a small gradient to the difference of large ones.
 */
function ofDecays(s: Scan, to: Gradients, t: i32, count: i32): void {
  const across = s.whole(count) * inner(s.state, s.after, s.keys * s.values);
  let earlier: f32 = 0;
  for (let j = 0; j < count; j++) {
    const one = load<f32>(to.ofToEnd + bytes(j));
    store<f32>(to.ofToEnd + bytes(j), earlier);
    earlier += one;
  }
  let later: f32 = 0;
  memory.fill(to.ofBetween, 0, bytes(count + 4));
  for (let i = count - 1; i >= 0; i--) {
    later += load<f32>(to.ofFromStart + bytes(i));
    const gradient = crossing(s, to.ofBetween, i, count) + later + load<f32>(to.ofToEnd + bytes(i)) + across;
    if (s.constant) to.rate += gradient as f64;
    else store<f32>(to.logDecay + s.at(t + i, 1), gradient);
  }
}

/** Adds row i of dP ⊙ Q Kᵀ to the sums of the rows after it; returns what of them lies before column i. */
function crossing(s: Scan, sums: usize, i: i32, count: i32): f32 {
  const row = bytes(i * count);
  let total = f32x4.splat(0);
  for (let j = 0; j < i; j += 4) {
    const at = row + bytes(j);
    const gained = f32x4.mul(loadLanes(s.dProducts + at, count - j), loadLanes(s.products + at, count - j));
    const sum = f32x4.add(v128.load(sums + bytes(j)), gained);
    v128.store(sums + bytes(j), sum);
    const before = i32x4.lt_s(i32x4.add(i32x4.splat(j), i32x4(0, 1, 2, 3)), i32x4.splat(i));
    total = f32x4.add(total, v128.and(sum, before));
  }
  return sumOfLanes(total);
}
