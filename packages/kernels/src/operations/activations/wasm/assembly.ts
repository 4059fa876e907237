/**
 * AssemblyScript, see scripts/build-wasm.mjs. Functions of `size` values one by one, four at a time, each call for one block of them, which
 * holds at least one. Loops are tested at the end: of others V8 makes the constants of the exponential again each time round.
 */
import {
  expX4,
  finiteDecayX4,
  sigmoidX4,
  siluSlopeOf,
  siluSlopeX4,
  siluX4,
  softplusOfAll,
} from '../../../backends/wasm/vector-math/assembly-exp';
import { bytes, loadLanes, storeLanes, VALUES_OF_BLOCK } from '../../../backends/wasm/vector-math/assembly-lanes';

/** Into how many blocks functions of values one by one, these and others, cut `size` values. */
export function elementBlocks(size: i32): i32 {
  return (size + VALUES_OF_BLOCK - 1) / VALUES_OF_BLOCK;
}

/** y = eˣ. */
export function exp(x: usize, y: usize, size: i32, block: i32): void {
  let left = min(VALUES_OF_BLOCK, size - block * VALUES_OF_BLOCK);
  x += bytes(block * VALUES_OF_BLOCK);
  y += bytes(block * VALUES_OF_BLOCK);
  do {
    storeLanes(y, expX4(loadLanes(x, left)), left);
    x += 16;
    y += 16;
    left -= 4;
  } while (left > 0);
}

/** y = ln(1 + eˣ). */
export function softplus(x: usize, y: usize, size: i32, block: i32): void {
  const at = bytes(block * VALUES_OF_BLOCK);
  softplusOfAll(x + at, y + at, min(VALUES_OF_BLOCK, size - block * VALUES_OF_BLOCK));
}

/** y = x σ(x). */
export function silu(x: usize, y: usize, size: i32, block: i32): void {
  let left = min(VALUES_OF_BLOCK, size - block * VALUES_OF_BLOCK);
  x += bytes(block * VALUES_OF_BLOCK);
  y += bytes(block * VALUES_OF_BLOCK);
  do {
    storeLanes(y, siluX4(loadLanes(x, left)), left);
    x += 16;
    y += 16;
    left -= 4;
  } while (left > 0);
}

/** dx = dy · d silu / dx. */
export function siluGrad(x: usize, dy: usize, dx: usize, size: i32, block: i32): void {
  const at = bytes(block * VALUES_OF_BLOCK);
  x += at;
  dy += at;
  dx += at;
  let left = min(VALUES_OF_BLOCK, size - block * VALUES_OF_BLOCK);
  do {
    storeLanes(dx, f32x4.mul(loadLanes(dy, left), siluSlopeX4(loadLanes(x, left))), left);
    x += 16;
    dy += 16;
    dx += 16;
    left -= 4;
  } while (left > 0);
}

/** y = x silu(gate) + addend; nothing is added where addend is 0. */
export function siluGate(x: usize, gate: usize, addend: usize, y: usize, size: i32, block: i32): void {
  const at = bytes(block * VALUES_OF_BLOCK);
  x += at;
  gate += at;
  y += at;
  if (addend) addend += at;
  let left = min(VALUES_OF_BLOCK, size - block * VALUES_OF_BLOCK);
  do {
    const gated = f32x4.mul(loadLanes(x, left), siluX4(loadLanes(gate, left)));
    storeLanes(y, addend ? f32x4.add(gated, loadLanes(addend, left)) : gated, left);
    x += 16;
    gate += 16;
    y += 16;
    if (addend) addend += 16;
    left -= 4;
  } while (left > 0);
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
  let left = min(VALUES_OF_BLOCK, size - block * VALUES_OF_BLOCK);
  do {
    const g = loadLanes(gate, left);
    const d = loadLanes(dy, left);
    const e = finiteDecayX4(g);
    const sigmoid = f32x4.div(one, f32x4.add(one, e));
    storeLanes(dx, f32x4.mul(d, f32x4.mul(g, sigmoid)), left);
    storeLanes(dGate, f32x4.mul(f32x4.mul(d, loadLanes(x, left)), siluSlopeOf(g, e, sigmoid)), left);
    x += 16;
    gate += 16;
    dy += 16;
    dx += 16;
    dGate += 16;
    left -= 4;
  } while (left > 0);
}

/** dx = dy · σ(x), the slope of softplus. */
export function softplusGrad(x: usize, dy: usize, dx: usize, size: i32, block: i32): void {
  const at = bytes(block * VALUES_OF_BLOCK);
  x += at;
  dy += at;
  dx += at;
  let left = min(VALUES_OF_BLOCK, size - block * VALUES_OF_BLOCK);
  do {
    storeLanes(dx, f32x4.mul(loadLanes(dy, left), sigmoidX4(loadLanes(x, left))), left);
    x += 16;
    dy += 16;
    dx += 16;
    left -= 4;
  } while (left > 0);
}
