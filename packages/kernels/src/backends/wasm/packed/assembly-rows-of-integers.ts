/** AssemblyScript. A few rows of activations times a panel of integers, see assembly-integers.ts, group by group as assembly-activations.ts has them. */
import { madd } from '../vector-math/assembly-madd';
import { lower, upper } from './assembly-floats';
import { INT8, PAIRS } from './assembly-unpack';

/** Bytes of the scales of a group, and of the eight sums of half a panel. */
const HALF: usize = 32;
/** Bytes of the words of four rows in a group, and of their sums of a panel. */
const WORDS: usize = 256;
const SUMS: usize = 256;
/** Bytes of the words of a pair of inputs of four rows. */
const PAIR: usize = 16;

/** Some groups of up to two rows. The sums at `sums`, 16 a row, grow. `nibble` is 15 in each lane of 16 bits. */
export function multiplyTwoRows(kind: i32, w: usize, x: usize, groups: i32, sums: usize, nibble: v128): void {
  if (kind === INT8) twoRowsOfIntegers<i8>(w, x, groups, sums, nibble);
  else twoRowsOfIntegers<u8>(w, x, groups, sums, nibble);
}

/** As {@link multiplyTwoRows}, one group of more rows; those of four lie `apart` bytes behind those before. */
export function multiplyGroup(kind: i32, w: usize, x: usize, apart: usize, rows: i32, sums: usize, nibble: v128): void {
  const fours = (rows + 1) >> 2;
  if (kind === INT8) {
    foursOfIntegers<i8>(w, w + HALF, x, apart, fours, sums, nibble);
    foursOfIntegers<i8>(w + 16, w + 48, x, apart, fours, sums + HALF, nibble);
  } else {
    foursOfIntegers<u8>(w, w + HALF, x, apart, fours, sums, nibble);
    foursOfIntegers<u16>(w + 16, w + HALF, x, apart, fours, sums + HALF, nibble);
  }
  if (rows > 4 * fours) multiplyTwoRows(kind, w, x + (fours as usize) * apart, 1, sums + (fours as usize) * SUMS, nibble);
}

/** A vector of 16-bit integers of four outputs: T is i8 for numbers of 8 bits, u8 and u16 for the first and the second half of the outputs of 4 bits. */
function firstOf<T>(w: usize, nibble: v128): v128 {
  if (isSigned<T>()) return v128.load_ext<i8>(w);
  const four = v128.load(w);
  return v128.and(sizeof<T>() === 1 ? four : i16x8.shr_u(four, 8), nibble);
}

/** The same of the next four outputs. */
function secondOf<T>(w: usize, nibble: v128): v128 {
  if (isSigned<T>()) return v128.load_ext<i8>(w, 8);
  const four = v128.load(w);
  return sizeof<T>() === 1 ? v128.and(i16x8.shr_u(four, 4), nibble) : i16x8.shr_u(four, 12);
}

/** What a row's integers of 4 bits, which are 0 to 15 for −8 to 7, bring too much. */
function startOf<T>(sum: usize): v128 {
  return i32x4.splat(isSigned<T>() ? 0 : -8 * load<i32>(sum));
}

/** The sums at c grow by exact sums of a group, of which one is worth the product of two scales. */
function addScaled(c: usize, sums: v128, scale: v128, scales: v128): void {
  v128.store(c, madd(f32x4.convert_i32x4_s(sums), f32x4.mul(scale, scales), v128.load(c)));
}

/** Eight outputs of one group for four rows at a time, which lie `apart` bytes behind each other; the outputs' scales are at `scales`, their numbers at w. */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: a line for each register
function foursOfIntegers<T>(scales: usize, w: usize, x: usize, apart: usize, fours: i32, c: usize, nibble: v128): void {
  const numbers = w;
  apart -= WORDS;
  do {
    let s00 = startOf<T>(x + 272);
    let s01 = s00;
    let s10 = startOf<T>(x + 276);
    let s11 = s10;
    let s20 = startOf<T>(x + 280);
    let s21 = s20;
    let s30 = startOf<T>(x + 284);
    let s31 = s30;
    let left = PAIRS;
    do {
      const first = firstOf<T>(w, nibble);
      const second = secondOf<T>(w, nibble);
      const x0 = v128.load32_splat(x);
      s00 = i32x4.add(s00, i32x4.dot_i16x8_s(x0, first));
      s01 = i32x4.add(s01, i32x4.dot_i16x8_s(x0, second));
      if (!isSigned<T>() && left === -1) break;
      const x1 = v128.load32_splat(x, 4);
      s10 = i32x4.add(s10, i32x4.dot_i16x8_s(x1, first));
      s11 = i32x4.add(s11, i32x4.dot_i16x8_s(x1, second));
      const x2 = v128.load32_splat(x, 8);
      s20 = i32x4.add(s20, i32x4.dot_i16x8_s(x2, first));
      s21 = i32x4.add(s21, i32x4.dot_i16x8_s(x2, second));
      if (!isSigned<T>() && left === -2) break;
      const x3 = v128.load32_splat(x, 12);
      s30 = i32x4.add(s30, i32x4.dot_i16x8_s(x3, first));
      s31 = i32x4.add(s31, i32x4.dot_i16x8_s(x3, second));
      w += isSigned<T>() ? 32 : 16;
      x += PAIR;
    } while (--left);
    const pairs = v128.load(scales);
    const low = lower(pairs);
    const high = upper(pairs);
    addScaled(c, s00, v128.load32_splat(x), low);
    addScaled(c + 16, s01, v128.load32_splat(x), high);
    addScaled(c + 64, s10, v128.load32_splat(x, 4), low);
    addScaled(c + 80, s11, v128.load32_splat(x, 4), high);
    addScaled(c + 128, s20, v128.load32_splat(x, 8), low);
    addScaled(c + 144, s21, v128.load32_splat(x, 8), high);
    addScaled(c + 192, s30, v128.load32_splat(x, 12), low);
    addScaled(c + 208, s31, v128.load32_splat(x, 12), high);
    x += apart;
    w = numbers;
    c += SUMS;
  } while (--fours);
}

/** Sixteen outputs of some groups for the first two of four rows. */
function twoRowsOfIntegers<T>(w: usize, x: usize, groups: i32, c: usize, nibble: v128): void {
  do {
    const scales = w;
    w += HALF;
    let s00 = startOf<T>(x + 272);
    let s01 = s00;
    let s02 = s00;
    let s03 = s00;
    let s10 = startOf<T>(x + 276);
    let s11 = s10;
    let s12 = s10;
    let s13 = s10;
    let left = PAIRS;
    do {
      const x0 = v128.load32_splat(x);
      const x1 = v128.load32_splat(x, 4);
      const first = firstOf<T>(w, nibble);
      s00 = i32x4.add(s00, i32x4.dot_i16x8_s(x0, first));
      s10 = i32x4.add(s10, i32x4.dot_i16x8_s(x1, first));
      const second = secondOf<T>(w, nibble);
      s01 = i32x4.add(s01, i32x4.dot_i16x8_s(x0, second));
      s11 = i32x4.add(s11, i32x4.dot_i16x8_s(x1, second));
      const third = isSigned<T>() ? firstOf<T>(w + 16, nibble) : firstOf<u16>(w, nibble);
      s02 = i32x4.add(s02, i32x4.dot_i16x8_s(x0, third));
      s12 = i32x4.add(s12, i32x4.dot_i16x8_s(x1, third));
      const fourth = isSigned<T>() ? secondOf<T>(w + 16, nibble) : secondOf<u16>(w, nibble);
      s03 = i32x4.add(s03, i32x4.dot_i16x8_s(x0, fourth));
      s13 = i32x4.add(s13, i32x4.dot_i16x8_s(x1, fourth));
      w += isSigned<T>() ? 32 : 16;
      x += PAIR;
    } while (--left);
    const low = v128.load(scales);
    const high = v128.load(scales, 16);
    addScaled(c, s00, v128.load32_splat(x), lower(low));
    addScaled(c + 16, s01, v128.load32_splat(x), upper(low));
    addScaled(c + 32, s02, v128.load32_splat(x), lower(high));
    addScaled(c + 48, s03, v128.load32_splat(x), upper(high));
    addScaled(c + 64, s10, v128.load32_splat(x, 4), lower(low));
    addScaled(c + 80, s11, v128.load32_splat(x, 4), upper(low));
    addScaled(c + 96, s12, v128.load32_splat(x, 4), lower(high));
    addScaled(c + 112, s13, v128.load32_splat(x, 4), upper(high));
    x += HALF;
  } while (--groups);
}
