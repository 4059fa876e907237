/**
 * AssemblyScript, see scripts/build-wasm.mjs. Functions of `size` values one by one, four at a time, each call for one block of them. The
 * loops that do most of the work handle eight and are tested at the end, so that V8 makes the constants of the exponential once.
 */
import { expX4, sigmoidX4, siluSlopeX4, siluX4, softplusX4 } from '../vector-math/assembly-exp';
import { bytes, loadLanes, storeLanes, VALUES_OF_BLOCK } from '../vector-math/assembly-lanes';
import { madd } from '../vector-math/assembly-madd';

/** Into how many blocks functions of values one by one, these and others, cut `size` values. */
export function elementBlocks(size: i32): i32 {
  return (size + VALUES_OF_BLOCK - 1) / VALUES_OF_BLOCK;
}

/** y = eˣ. */
export function exp(x: usize, y: usize, size: i32, block: i32): void {
  let left = min(VALUES_OF_BLOCK, size - block * VALUES_OF_BLOCK);
  x += bytes(block * VALUES_OF_BLOCK);
  y += bytes(block * VALUES_OF_BLOCK);
  if (left >= 8) {
    do {
      v128.store(y, expX4(v128.load(x)));
      v128.store(y, expX4(v128.load(x, 16)), 16);
      x += 32;
      y += 32;
      left -= 8;
    } while (left >= 8);
  }
  for (; left > 0; left -= 4) {
    storeLanes(y, expX4(loadLanes(x, left)), left);
    x += 16;
    y += 16;
  }
}

/** y = ln(1 + eˣ). */
export function softplus(x: usize, y: usize, size: i32, block: i32): void {
  let left = min(VALUES_OF_BLOCK, size - block * VALUES_OF_BLOCK);
  x += bytes(block * VALUES_OF_BLOCK);
  y += bytes(block * VALUES_OF_BLOCK);
  if (left >= 8) {
    do {
      v128.store(y, softplusX4(v128.load(x)));
      v128.store(y, softplusX4(v128.load(x, 16)), 16);
      x += 32;
      y += 32;
      left -= 8;
    } while (left >= 8);
  }
  for (; left > 0; left -= 4) {
    storeLanes(y, softplusX4(loadLanes(x, left)), left);
    x += 16;
    y += 16;
  }
}

/** y = x σ(x). */
export function silu(x: usize, y: usize, size: i32, block: i32): void {
  let left = min(VALUES_OF_BLOCK, size - block * VALUES_OF_BLOCK);
  x += bytes(block * VALUES_OF_BLOCK);
  y += bytes(block * VALUES_OF_BLOCK);
  if (left >= 8) {
    do {
      v128.store(y, siluX4(v128.load(x)));
      v128.store(y, siluX4(v128.load(x, 16)), 16);
      x += 32;
      y += 32;
      left -= 8;
    } while (left >= 8);
  }
  for (; left > 0; left -= 4) {
    storeLanes(y, siluX4(loadLanes(x, left)), left);
    x += 16;
    y += 16;
  }
}

/** dx = dy · d silu / dx. */
export function siluGrad(x: usize, dy: usize, dx: usize, size: i32, block: i32): void {
  const at = bytes(block * VALUES_OF_BLOCK);
  x += at;
  dy += at;
  dx += at;
  for (let left = min(VALUES_OF_BLOCK, size - block * VALUES_OF_BLOCK); left > 0; left -= 4) {
    storeLanes(dx, f32x4.mul(loadLanes(dy, left), siluSlopeX4(loadLanes(x, left))), left);
    x += 16;
    dy += 16;
    dx += 16;
  }
}

/** y = x silu(gate) + addend; nothing is added where addend is 0. */
export function siluGate(x: usize, gate: usize, addend: usize, y: usize, size: i32, block: i32): void {
  const at = bytes(block * VALUES_OF_BLOCK);
  x += at;
  gate += at;
  y += at;
  if (addend) addend += at;
  for (let left = min(VALUES_OF_BLOCK, size - block * VALUES_OF_BLOCK); left > 0; left -= 4) {
    const gated = f32x4.mul(loadLanes(x, left), siluX4(loadLanes(gate, left)));
    storeLanes(y, addend ? f32x4.add(gated, loadLanes(addend, left)) : gated, left);
    x += 16;
    gate += 16;
    y += 16;
    if (addend) addend += 16;
  }
}

/** dx = dy silu(gate) and dGate = dy x · d silu / dgate. */
export function siluGateGrad(x: usize, gate: usize, dy: usize, dx: usize, dGate: usize, size: i32, block: i32): void {
  const at = bytes(block * VALUES_OF_BLOCK);
  x += at;
  gate += at;
  dy += at;
  dx += at;
  dGate += at;
  const one = f32x4.splat(1);
  for (let left = min(VALUES_OF_BLOCK, size - block * VALUES_OF_BLOCK); left > 0; left -= 4) {
    const g = loadLanes(gate, left);
    const d = loadLanes(dy, left);
    // σ and 1 − σ = σ(−g), which is not left to a difference
    const e = expX4(f32x4.neg(f32x4.abs(g)));
    const above = f32x4.div(one, f32x4.add(one, e));
    const below = f32x4.mul(above, e);
    const isNegative = f32x4.lt(g, f32x4.splat(0));
    const s = v128.bitselect(below, above, isNegative);
    const value = f32x4.mul(g, s);
    const slope = madd(value, v128.bitselect(above, below, isNegative), s);
    storeLanes(dx, f32x4.mul(d, value), left);
    storeLanes(dGate, f32x4.mul(f32x4.mul(d, loadLanes(x, left)), slope), left);
    x += 16;
    gate += 16;
    dy += 16;
    dx += 16;
    dGate += 16;
  }
}

/** dx = dy · σ(x), the slope of softplus. */
export function softplusGrad(x: usize, dy: usize, dx: usize, size: i32, block: i32): void {
  const at = bytes(block * VALUES_OF_BLOCK);
  x += at;
  dy += at;
  dx += at;
  for (let left = min(VALUES_OF_BLOCK, size - block * VALUES_OF_BLOCK); left > 0; left -= 4) {
    storeLanes(dx, f32x4.mul(loadLanes(dy, left), sigmoidX4(loadLanes(x, left))), left);
    x += 16;
    dy += 16;
    dx += 16;
  }
}
