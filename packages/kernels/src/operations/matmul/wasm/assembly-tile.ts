/** AssemblyScript. The innermost loops of a product, on panels that `pack` made. */
import { PAIRS } from '../../../backends/wasm/packed/assembly-unpack';
import { bytes, loadLanes, storeLanes } from '../../../backends/wasm/vector-math/assembly-lanes';
import { madd } from '../../../backends/wasm/vector-math/assembly-madd';

/** Rows of a tile: 6 in float32 where a product and a sum are one operation, and 4 for any rest, in the standard build, and for quantized weights. */
export const TILE_ROWS: i32 = 6;
export const FEWER_ROWS: i32 = 4;
export const TILE_COLUMNS: i32 = 8;
/** Columns of a panel of B in float32, of which a tile takes one half: as packed weights lie, so that these need no copy. */
export const PANEL_COLUMNS: i32 = 16;

/** How many of some rows go into tiles of 6 so that tiles of 4 hold the others, and no more than one row is left empty. */
export function rowsInSixes(rows: i32): i32 {
  if (!ASC_FEATURE_RELAXED_SIMD || rows < 5) return 0;
  const rest = (rows + 1) % TILE_ROWS;
  return rest < 2 ? rows : rest < 4 ? rows + 1 - rest - TILE_ROWS : rows + 1 - rest;
}

/**
 * C = (C if `add`) + A B for one tile. a holds 6 rows and b 16 columns, interleaved step by step, of which the first 8 count; `stride` of C in bytes.
 * Sums of 6 × 2 vectors, 2 vectors of B and one of A are all of V8's 15 registers. But it puts all that a block of code loads before all that it
 * computes, for which they do not suffice; so the block ends after each row, with a way out of the loop that is never taken.
 */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: a line for each register
function tileOfSix(a: usize, b: usize, c: usize, depth: i32, stride: usize, add: bool): void {
  let s00 = f32x4.splat(0);
  let s01 = s00;
  let s10 = s00;
  let s11 = s00;
  let s20 = s00;
  let s21 = s00;
  let s30 = s00;
  let s31 = s00;
  let s40 = s00;
  let s41 = s00;
  let s50 = s00;
  let s51 = s00;
  let left = depth;
  do {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const a0 = v128.load32_splat(a);
    s00 = madd(a0, b0, s00);
    s01 = madd(a0, b1, s01);
    if (left === -1) break;
    const a1 = v128.load32_splat(a, 4);
    s10 = madd(a1, b0, s10);
    s11 = madd(a1, b1, s11);
    if (left === -2) break;
    const a2 = v128.load32_splat(a, 8);
    s20 = madd(a2, b0, s20);
    s21 = madd(a2, b1, s21);
    if (left === -3) break;
    const a3 = v128.load32_splat(a, 12);
    s30 = madd(a3, b0, s30);
    s31 = madd(a3, b1, s31);
    if (left === -4) break;
    const a4 = v128.load32_splat(a, 16);
    s40 = madd(a4, b0, s40);
    s41 = madd(a4, b1, s41);
    if (left === -5) break;
    const a5 = v128.load32_splat(a, 20);
    s50 = madd(a5, b0, s50);
    s51 = madd(a5, b1, s51);
    a += 24;
    b += 64;
  } while (--left);
  storeRow(c, s00, s01, add);
  storeRow(c + stride, s10, s11, add);
  storeRow(c + 2 * stride, s20, s21, add);
  storeRow(c + 3 * stride, s30, s31, add);
  storeRow(c + 4 * stride, s40, s41, add);
  storeRow(c + 5 * stride, s50, s51, add);
}

/** {@link tileOfSix}, or the same of 4 rows. */
export function tile(rows: i32, a: usize, b: usize, c: usize, depth: i32, stride: usize, add: bool): void {
  if (rows === TILE_ROWS) tileOfSix(a, b, c, depth, stride, add);
  else tileOfFour(a, b, c, depth, stride, add);
}

/** As {@link tileOfSix} for 4 rows, for which the registers suffice. */
function tileOfFour(a: usize, b: usize, c: usize, depth: i32, stride: usize, add: bool): void {
  let s00 = f32x4.splat(0);
  let s01 = s00;
  let s10 = s00;
  let s11 = s00;
  let s20 = s00;
  let s21 = s00;
  let s30 = s00;
  let s31 = s00;
  let left = depth;
  do {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const a0 = v128.load32_splat(a);
    s00 = madd(a0, b0, s00);
    s01 = madd(a0, b1, s01);
    const a1 = v128.load32_splat(a, 4);
    s10 = madd(a1, b0, s10);
    s11 = madd(a1, b1, s11);
    const a2 = v128.load32_splat(a, 8);
    s20 = madd(a2, b0, s20);
    s21 = madd(a2, b1, s21);
    const a3 = v128.load32_splat(a, 12);
    s30 = madd(a3, b0, s30);
    s31 = madd(a3, b1, s31);
    a += 16;
    b += 64;
  } while (--left);
  storeRow(c, s00, s01, add);
  storeRow(c + stride, s10, s11, add);
  storeRow(c + 2 * stride, s20, s21, add);
  storeRow(c + 3 * stride, s30, s31, add);
}

/** As {@link tileOfFour}, b with 8 columns, for quantized weights of 16 bits in `groups` groups: pairs of them, exact sums of a group in 32 bits, and behind them its scales. */
export function tileOfGroups(a: usize, b: usize, c: usize, groups: i32, stride: usize, add: bool): void {
  for (; groups > 0; groups--) {
    let s00 = i32x4.splat(0);
    let s01 = s00;
    let s10 = s00;
    let s11 = s00;
    let s20 = s00;
    let s21 = s00;
    let s30 = s00;
    let s31 = s00;
    let left = PAIRS;
    do {
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const a0 = v128.load32_splat(a);
      s00 = i32x4.add(s00, i32x4.dot_i16x8_s(a0, b0));
      s01 = i32x4.add(s01, i32x4.dot_i16x8_s(a0, b1));
      const a1 = v128.load32_splat(a, 4);
      s10 = i32x4.add(s10, i32x4.dot_i16x8_s(a1, b0));
      s11 = i32x4.add(s11, i32x4.dot_i16x8_s(a1, b1));
      const a2 = v128.load32_splat(a, 8);
      s20 = i32x4.add(s20, i32x4.dot_i16x8_s(a2, b0));
      s21 = i32x4.add(s21, i32x4.dot_i16x8_s(a2, b1));
      const a3 = v128.load32_splat(a, 12);
      s30 = i32x4.add(s30, i32x4.dot_i16x8_s(a3, b0));
      s31 = i32x4.add(s31, i32x4.dot_i16x8_s(a3, b1));
      a += 16;
      b += 32;
    } while (--left);
    addScaled(c, s00, s01, v128.load32_splat(a), b, add);
    addScaled(c + stride, s10, s11, v128.load32_splat(a, 4), b, add);
    addScaled(c + 2 * stride, s20, s21, v128.load32_splat(a, 8), b, add);
    addScaled(c + 3 * stride, s30, s31, v128.load32_splat(a, 12), b, add);
    a += 32;
    b += 64;
    add = true;
  }
}

/** A row's sums of a group times its scale and those of the columns. */
function addScaled(c: usize, left: v128, right: v128, scale: v128, scales: usize, add: bool): void {
  const first = f32x4.mul(scale, v128.load(scales));
  const second = f32x4.mul(scale, v128.load(scales, 16));
  const zero = f32x4.splat(0);
  v128.store(c, madd(f32x4.convert_i32x4_s(left), first, add ? v128.load(c) : zero));
  v128.store(c, madd(f32x4.convert_i32x4_s(right), second, add ? v128.load(c, 16) : zero), 16);
}

function storeRow(c: usize, left: v128, right: v128, add: bool): void {
  v128.store(c, add ? f32x4.add(v128.load(c), left) : left);
  v128.store(c, add ? f32x4.add(v128.load(c, 16), right) : right, 16);
}

/** What becomes of C where it meets a tile. */
export const SET: i32 = 0;
export const ADD: i32 = 1;
export const SUBTRACT: i32 = 2;

/** The part of a whole tile that lies inside C is copied, added or subtracted. */
export function addTile(whole: usize, c: usize, rows: i32, columns: i32, stride: usize, how: i32): void {
  const sign = f32x4.splat(how === SUBTRACT ? -1 : 1);
  for (; rows > 0; rows--) {
    if (how === SET) setRow(whole, c, columns);
    else if (columns < TILE_COLUMNS) addRow(whole, c, columns, sign);
    else {
      v128.store(c, madd(sign, v128.load(whole), v128.load(c)));
      v128.store(c, madd(sign, v128.load(whole, 16), v128.load(c, 16)), 16);
    }
    whole += bytes(TILE_COLUMNS);
    c += stride;
  }
}

function setRow(whole: usize, c: usize, columns: i32): void {
  storeLanes(c, v128.load(whole), columns);
  if (columns > 4) storeLanes(c + 16, v128.load(whole, 16), columns - 4);
}

function addRow(whole: usize, c: usize, columns: i32, sign: v128): void {
  storeLanes(c, madd(sign, v128.load(whole), loadLanes(c, columns)), columns);
  if (columns > 4) storeLanes(c + 16, madd(sign, v128.load(whole, 16), loadLanes(c + 16, columns - 4)), columns - 4);
}
