/**
 * AssemblyScript. Runs of tokens for the width that models have, four, where nothing starts anew and channels fill whole vectors: the same
 * sums in the same order as in assembly-rows.ts. Token by token, since rows may lie so far apart that a column of them meets in few places of the first
 * cache; and in loops that each fill the registers by themselves.
 */
import { siluSlopeX4, siluX4 } from '../../../backends/wasm/vector-math/assembly-exp';
import { madd } from '../../../backends/wasm/vector-math/assembly-madd';
import { Conv } from './assembly-rows';

/** Whether a share may take this way. */
export function isFourWide(c: Conv): bool {
  return c.width === 4 && c.documentStarts === 0 && c.last > c.first && ((c.last - c.first) & 3) === 0;
}

/** Outputs of `count` tokens, the first of which reads four rows from `rows` on. */
export function convolveRows(c: Conv, rows: usize, y: usize, count: i32): void {
  rows += c.shareAt;
  y += c.shareAt;
  for (; count > 0; count--) {
    convolveToken(c, rows, y);
    if (c.silu) activate(y, c.shareBytes);
    rows += c.row;
    y += c.row;
  }
}

/** Before its activation. */
function convolveToken(c: Conv, rows: usize, y: usize): void {
  const row = c.row;
  const end = y + c.shareBytes;
  let filter = c.filter + c.filterAt;
  let bias = c.bias ? c.bias + c.shareAt : 0;
  do {
    let z = fourProducts(filter, v128.load(rows), v128.load(rows + row), v128.load(rows + 2 * row), v128.load(rows + 3 * row));
    if (bias) {
      z = f32x4.add(z, v128.load(bias));
      bias += 16;
    }
    v128.store(y, z);
    filter += 64;
    rows += 16;
    y += 16;
  } while (y < end);
}

function activate(y: usize, size: usize): void {
  const end = y + size;
  do {
    v128.store(y, siluX4(v128.load(y)));
    y += 16;
  } while (y < end);
}

function fourProducts(filter: usize, x0: v128, x1: v128, x2: v128, x3: v128): v128 {
  const two = madd(v128.load(filter, 16), x1, f32x4.mul(v128.load(filter), x0));
  return madd(v128.load(filter, 48), x3, madd(v128.load(filter, 32), x2, two));
}

/** As gradientOfRow, of `count` tokens, the first of which reads four rows from `rows` on. */
export function gradientOfRows(c: Conv, rows: usize, dy: usize, dz: usize, count: i32): void {
  rows += c.shareAt;
  dy += c.shareAt;
  dz += c.shareAt;
  for (; count > 0; count--) {
    if (c.silu) {
      convolveToken(c, rows, dz);
      scaleBySlope(dz, dy, c.shareBytes);
    } else memory.copy(dz, dy, c.shareBytes);
    addProducts(c, rows, dz);
    rows += c.row;
    dy += c.row;
    dz += c.row;
  }
}

/** dz = dy silu'(z), in place of z. */
function scaleBySlope(z: usize, dy: usize, size: usize): void {
  const end = z + size;
  do {
    v128.store(z, f32x4.mul(v128.load(dy), siluSlopeX4(v128.load(z))));
    z += 16;
    dy += 16;
  } while (z < end);
}

/** What a token adds to dbias and dw. */
function addProducts(c: Conv, rows: usize, dz: usize): void {
  const row = c.row;
  const end = dz + c.shareBytes;
  let dFilter = c.dFilterOfOne + c.filterAt;
  let dBias = c.dBiasOfOne + c.shareAt;
  do {
    const slope = v128.load(dz);
    v128.store(dBias, f32x4.add(v128.load(dBias), slope));
    v128.store(dFilter, madd(slope, v128.load(rows), v128.load(dFilter)));
    v128.store(dFilter, madd(slope, v128.load(rows + row), v128.load(dFilter, 16)), 16);
    v128.store(dFilter, madd(slope, v128.load(rows + 2 * row), v128.load(dFilter, 32)), 32);
    v128.store(dFilter, madd(slope, v128.load(rows + 3 * row), v128.load(dFilter, 48)), 48);
    dFilter += 64;
    dBias += 16;
    rows += 16;
    dz += 16;
  } while (dz < end);
}

/** As gradientOfInput, of `count` rows, where dz points to the first. */
export function gradientOfInputRows(c: Conv, dz: usize, dx: usize, count: i32): void {
  dz += c.shareAt;
  dx += c.shareAt;
  for (; count > 0; count--) {
    gradientOfToken(c, dz, dx);
    dz += c.row;
    dx += c.row;
  }
}

function gradientOfToken(c: Conv, dz: usize, dx: usize): void {
  const row = c.row;
  const end = dx + c.shareBytes;
  let filter = c.filter + c.filterAt;
  do {
    v128.store(dx, fourProducts(filter, v128.load(dz), v128.load(dz - row), v128.load(dz - 2 * row), v128.load(dz - 3 * row)));
    filter += 64;
    dz += 16;
    dx += 16;
  } while (dx < end);
}
