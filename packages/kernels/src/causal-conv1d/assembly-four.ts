/**
 * AssemblyScript. Runs of tokens for the width that models have, four, where nothing starts anew and channels fill whole vectors: the same
 * sums in the same order as in assembly-rows.ts, with the filter and the last inputs of four channels in registers from token to token.
 */
import { siluSlopeX4, siluX4 } from '../vector-math/assembly-exp';
import { bytes } from '../vector-math/assembly-lanes';
import { madd } from '../vector-math/assembly-madd';
import { Conv } from './assembly-rows';

/** Tokens of a run: few enough that their rows stay in the first cache while the share's channels are gone through. */
const RUN: i32 = 16;

/** Whether a share may take this way. */
export function isFourWide(c: Conv): bool {
  return c.width === 4 && c.starts === 0 && ((c.last - c.first) & 3) === 0;
}

/** Outputs of `count` tokens, the first of which reads four rows from `rows` on. */
export function convolveRows(c: Conv, rows: usize, y: usize, count: i32): void {
  for (let left = count; left > 0; left -= RUN) {
    for (let e = c.first; e < c.last; e += 4) convolveRun(c, rows + bytes(e), e, y + bytes(e), min(RUN, left));
    rows += (RUN as usize) * c.row;
    y += (RUN as usize) * c.row;
  }
}

function convolveRun(c: Conv, rows: usize, e: i32, y: usize, count: i32): void {
  const filter = c.filter + bytes(4 * e);
  const row = c.row;
  const silu = c.silu;
  const bias = c.bias ? v128.load(c.bias + bytes(e)) : f32x4.splat(0);
  let x0 = v128.load(rows);
  let x1 = v128.load(rows + row);
  let x2 = v128.load(rows + 2 * row);
  rows += 3 * row;
  do {
    const x3 = v128.load(rows);
    const z = f32x4.add(fourProducts(filter, x0, x1, x2, x3), bias);
    v128.store(y, silu ? siluX4(z) : z);
    x0 = x1;
    x1 = x2;
    x2 = x3;
    rows += row;
    y += row;
  } while (--count);
}

function fourProducts(filter: usize, x0: v128, x1: v128, x2: v128, x3: v128): v128 {
  const two = madd(v128.load(filter, 16), x1, f32x4.mul(v128.load(filter), x0));
  return madd(v128.load(filter, 48), x3, madd(v128.load(filter, 32), x2, two));
}

/** As gradientOfRow, of `count` tokens, the first of which reads four rows from `rows` on. */
export function gradientOfRows(c: Conv, rows: usize, dy: usize, dz: usize, count: i32): void {
  for (let left = count; left > 0; left -= RUN) {
    for (let e = c.first; e < c.last; e += 4) gradientOfRun(c, rows + bytes(e), e, dy + bytes(e), dz + bytes(e), min(RUN, left));
    rows += (RUN as usize) * c.row;
    dy += (RUN as usize) * c.row;
    dz += (RUN as usize) * c.row;
  }
}

function gradientOfRun(c: Conv, rows: usize, e: i32, dy: usize, dz: usize, count: i32): void {
  const filter = c.filter + bytes(4 * e);
  const dFilter = c.dFilterOfOne + bytes(4 * e);
  const dBias = c.dBiasOfOne + bytes(e);
  const row = c.row;
  const silu = c.silu;
  const bias = c.bias ? v128.load(c.bias + bytes(e)) : f32x4.splat(0);
  let x0 = v128.load(rows);
  let x1 = v128.load(rows + row);
  let x2 = v128.load(rows + 2 * row);
  rows += 3 * row;
  do {
    const x3 = v128.load(rows);
    let slope = v128.load(dy);
    if (silu) slope = f32x4.mul(slope, siluSlopeX4(f32x4.add(fourProducts(filter, x0, x1, x2, x3), bias)));
    v128.store(dz, slope);
    v128.store(dBias, f32x4.add(v128.load(dBias), slope));
    v128.store(dFilter, madd(slope, x0, v128.load(dFilter)));
    v128.store(dFilter, madd(slope, x1, v128.load(dFilter, 16)), 16);
    v128.store(dFilter, madd(slope, x2, v128.load(dFilter, 32)), 32);
    v128.store(dFilter, madd(slope, x3, v128.load(dFilter, 48)), 48);
    x0 = x1;
    x1 = x2;
    x2 = x3;
    rows += row;
    dy += row;
    dz += row;
  } while (--count);
}

/** As gradientOfInput, of `count` rows, where dz points to the first. */
export function gradientOfInputRows(c: Conv, dz: usize, dx: usize, count: i32): void {
  for (let left = count; left > 0; left -= RUN) {
    for (let e = c.first; e < c.last; e += 4) inputRun(c, dz + bytes(e), c.filter + bytes(4 * e), dx + bytes(e), min(RUN, left));
    dz += (RUN as usize) * c.row;
    dx += (RUN as usize) * c.row;
  }
}

function inputRun(c: Conv, dz: usize, filter: usize, dx: usize, count: i32): void {
  const row = c.row;
  let dz1 = v128.load(dz - row);
  let dz2 = v128.load(dz - 2 * row);
  let dz3 = v128.load(dz - 3 * row);
  do {
    const dz0 = v128.load(dz);
    v128.store(dx, fourProducts(filter, dz0, dz1, dz2, dz3));
    dz3 = dz2;
    dz2 = dz1;
    dz1 = dz0;
    dz += row;
    dx += row;
  } while (--count);
}
