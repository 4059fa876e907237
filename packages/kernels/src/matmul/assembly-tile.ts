/** AssemblyScript. The innermost loops of a product, on panels that `pack` made. */
import { madd } from '../vector-math/assembly-madd';

/** Sums of 4 × 2 vectors, 2 vectors of B and 4 of A fit V8's 15 registers; larger tiles and unrolled loops spill. */
export const TILE_ROWS: i32 = 4;
export const TILE_COLUMNS: i32 = 8;

/** C = (C if `add`) + A B for one tile. a holds 4 rows and b 8 columns, interleaved step by step; `stride` of C in bytes. */
export function tile(a: usize, b: usize, c: usize, depth: i32, stride: usize, add: bool): void {
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
    b += 32;
  } while (--left);
  storeRow(c, s00, s01, add);
  storeRow(c + stride, s10, s11, add);
  storeRow(c + 2 * stride, s20, s21, add);
  storeRow(c + 3 * stride, s30, s31, add);
}

function storeRow(c: usize, left: v128, right: v128, add: bool): void {
  v128.store(c, add ? f32x4.add(v128.load(c), left) : left);
  v128.store(c, add ? f32x4.add(v128.load(c, 16), right) : right, 16);
}

/** Copies, or adds, the part of a whole tile that lies inside C. */
export function addTile(whole: usize, c: usize, rows: i32, columns: i32, stride: usize, add: bool): void {
  for (let row = 0; row < rows; row++) {
    const from = whole + (((row * TILE_COLUMNS) as usize) << 2);
    const to = c + (row as usize) * stride;
    for (let column: usize = 0; column < (columns as usize) << 2; column += 4) {
      const before: f32 = add ? load<f32>(to + column) : 0;
      store<f32>(to + column, before + load<f32>(from + column));
    }
  }
}
