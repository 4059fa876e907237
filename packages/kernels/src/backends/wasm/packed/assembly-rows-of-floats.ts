/** AssemblyScript. A few rows times a panel of float32 or bfloat16, see assembly-floats.ts. */
import { bytes } from '../vector-math/assembly-lanes';
import { madd } from '../vector-math/assembly-madd';
import { lower } from './assembly-floats';
import { F32 } from './assembly-unpack';

/** Bytes of eight float32: outputs of half a panel, and their sums. */
const HALF: usize = 32;

/** Some inputs of up to four rows, `stride` bytes apart. The sums at `sums`, 16 a row, grow. `upperHalves` is 0xffff0000 in each word. */
export function multiplySteps(kind: i32, w: usize, x: usize, stride: usize, rows: i32, steps: i32, sums: usize, upperHalves: v128): void {
  const x1 = rows > 1 ? x + stride : x;
  const x2 = rows > 2 ? x1 + stride : x1;
  const x3 = rows > 3 ? x2 + stride : x2;
  if (kind === F32) {
    if (rows < 3) twoRowsOfFloats<f32>(w, x, x1, steps, sums, upperHalves);
    else {
      fourRowsOfFloats<f32>(w, x, x1, x2, x3, steps, sums, upperHalves);
      fourRowsOfFloats<f32>(w + HALF, x, x1, x2, x3, steps, sums + HALF, upperHalves);
    }
  } else if (rows < 3) twoRowsOfFloats<u16>(w, x, x1, steps, sums, upperHalves);
  else {
    fourRowsOfFloats<u16>(w, x, x1, x2, x3, steps, sums, upperHalves);
    fourRowsOfFloats<u16>(w + 16, x, x1, x2, x3, steps, sums + HALF, upperHalves);
  }
}

/** Eight outputs of four rows. T is f32 for weights in float32, and u16 for bfloat16. */
function fourRowsOfFloats<T>(w: usize, x0: usize, x1: usize, x2: usize, x3: usize, steps: i32, c: usize, upperHalves: v128): void {
  let s00 = v128.load(c);
  let s01 = v128.load(c, 16);
  let s10 = v128.load(c, 64);
  let s11 = v128.load(c, 80);
  let s20 = v128.load(c, 128);
  let s21 = v128.load(c, 144);
  let s30 = v128.load(c, 192);
  let s31 = v128.load(c, 208);
  let at: usize = 0;
  const end = bytes(steps);
  do {
    const both = v128.load(w);
    const first = isFloat<T>() ? both : lower(both);
    const second = isFloat<T>() ? v128.load(w, 16) : v128.and(both, upperHalves);
    const a0 = v128.load32_splat(x0 + at);
    s00 = madd(a0, first, s00);
    s01 = madd(a0, second, s01);
    const a1 = v128.load32_splat(x1 + at);
    s10 = madd(a1, first, s10);
    s11 = madd(a1, second, s11);
    const a2 = v128.load32_splat(x2 + at);
    s20 = madd(a2, first, s20);
    s21 = madd(a2, second, s21);
    const a3 = v128.load32_splat(x3 + at);
    s30 = madd(a3, first, s30);
    s31 = madd(a3, second, s31);
    w += isFloat<T>() ? 64 : 32;
    at += 4;
  } while (at < end);
  v128.store(c, s00);
  v128.store(c, s01, 16);
  v128.store(c, s10, 64);
  v128.store(c, s11, 80);
  v128.store(c, s20, 128);
  v128.store(c, s21, 144);
  v128.store(c, s30, 192);
  v128.store(c, s31, 208);
}

/** Sixteen outputs of two rows. */
function twoRowsOfFloats<T>(w: usize, x0: usize, x1: usize, steps: i32, c: usize, upperHalves: v128): void {
  let s00 = v128.load(c);
  let s01 = v128.load(c, 16);
  let s02 = v128.load(c, 32);
  let s03 = v128.load(c, 48);
  let s10 = v128.load(c, 64);
  let s11 = v128.load(c, 80);
  let s12 = v128.load(c, 96);
  let s13 = v128.load(c, 112);
  let at: usize = 0;
  const end = bytes(steps);
  do {
    const a0 = v128.load32_splat(x0 + at);
    const a1 = v128.load32_splat(x1 + at);
    const left = v128.load(w);
    const first = isFloat<T>() ? left : lower(left);
    s00 = madd(a0, first, s00);
    s10 = madd(a1, first, s10);
    const second = isFloat<T>() ? v128.load(w, 16) : v128.and(left, upperHalves);
    s01 = madd(a0, second, s01);
    s11 = madd(a1, second, s11);
    const right = v128.load(w, isFloat<T>() ? 32 : 16);
    const third = isFloat<T>() ? right : lower(right);
    s02 = madd(a0, third, s02);
    s12 = madd(a1, third, s12);
    const fourth = isFloat<T>() ? v128.load(w, 48) : v128.and(right, upperHalves);
    s03 = madd(a0, fourth, s03);
    s13 = madd(a1, fourth, s13);
    w += isFloat<T>() ? 64 : 32;
    at += 4;
  } while (at < end);
  v128.store(c, s00);
  v128.store(c, s01, 16);
  v128.store(c, s02, 32);
  v128.store(c, s03, 48);
  v128.store(c, s10, 64);
  v128.store(c, s11, 80);
  v128.store(c, s12, 96);
  v128.store(c, s13, 112);
}
