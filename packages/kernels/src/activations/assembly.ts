/**
 * AssemblyScript, see scripts/build-wasm.mjs. Functions of `size` values one by one, four at a time, each call for one block of them. The
 * loops that do most of the work handle eight and are tested at the end, so that V8 makes the constants of the exponential once.
 */
import { expX4, sigmoidX4, siluSlopeX4, siluX4, softplusX4 } from '../vector-math/assembly-exp';
import { bytes, loadLanes, storeLanes, VALUES_OF_BLOCK } from '../vector-math/assembly-lanes';

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
