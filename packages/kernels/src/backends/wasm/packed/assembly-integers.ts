/**
 * AssemblyScript. Panels of 16 outputs whose weights are integers of 8 or 4 bits, in groups of 32 with a bfloat16 scale for each output.
 * Inside a group everything is exact: pairs of products in 32 bits, at most 32 · 127 · 32767. `i32x4.relaxed_dot_i8x16_i7x16_add_s` would
 * do more at a time, but Node 20's V8 computes it wrongly, and its activations have 7 bits.
 */
import { madd } from '../vector-math/assembly-madd';
import { finish, lower, prefetchPage, upper } from './assembly-floats';
import { PAIRS } from './assembly-unpack';

/** A group's sums of integers, of which one is worth the product of two scales, added to those before. */
function scaled(sums: v128, scale: v128, scales: v128, before: v128): v128 {
  return madd(f32x4.convert_i32x4_s(sums), f32x4.mul(scale, scales), before);
}

/**
 * As {@link addPanelsF32}, w of groups of 16 scales, then for each pair of inputs 32 numbers, [output, one of the two]. T is i8 for numbers of 8 bits, and u8 for
 * those of 4 bits, 0 to 15 for −8 to 7: 8 Σ x is taken off beforehand. `nibble` is 15 in each lane of 16 bits.
 */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: a line for each register
export function addPanelsOfIntegers<T>(
  w: usize,
  apart: usize,
  last: usize,
  x: usize,
  bias: usize,
  y: usize,
  gap: usize,
  groups: i32,
  lanes: i32,
  others: i32,
  epilogue: i32,
  nibble: v128,
): void {
  const zero = f32x4.splat(0);
  let s0 = zero;
  let s1 = zero;
  let s2 = zero;
  let s3 = zero;
  let t0 = zero;
  let t1 = zero;
  let t2 = zero;
  let t3 = zero;
  let v = w + apart;
  for (let group = 0; group < groups; group++) {
    if (group % (isSigned<T>() ? 8 : 14) === 0) {
      prefetchPage(w, last);
      prefetchPage(v, last);
    }
    const scales = w;
    const otherScales = v;
    w += 32;
    v += 32;
    let a0 = i32x4.splat(isSigned<T>() ? 0 : -8 * load<i32>(x, 68));
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    let b0 = a0;
    let b1 = a0;
    let b2 = a0;
    let b3 = a0;
    for (let pair = 0; pair < PAIRS; pair++) {
      const two = v128.load32_splat(x);
      if (isSigned<T>()) {
        a0 = i32x4.add(a0, i32x4.dot_i16x8_s(two, v128.load_ext<i8>(w)));
        a1 = i32x4.add(a1, i32x4.dot_i16x8_s(two, v128.load_ext<i8>(w, 8)));
        a2 = i32x4.add(a2, i32x4.dot_i16x8_s(two, v128.load_ext<i8>(w, 16)));
        a3 = i32x4.add(a3, i32x4.dot_i16x8_s(two, v128.load_ext<i8>(w, 24)));
        b0 = i32x4.add(b0, i32x4.dot_i16x8_s(two, v128.load_ext<i8>(v)));
        b1 = i32x4.add(b1, i32x4.dot_i16x8_s(two, v128.load_ext<i8>(v, 8)));
        b2 = i32x4.add(b2, i32x4.dot_i16x8_s(two, v128.load_ext<i8>(v, 16)));
        b3 = i32x4.add(b3, i32x4.dot_i16x8_s(two, v128.load_ext<i8>(v, 24)));
      } else {
        const four = v128.load(w);
        a0 = i32x4.add(a0, i32x4.dot_i16x8_s(two, v128.and(four, nibble)));
        a1 = i32x4.add(a1, i32x4.dot_i16x8_s(two, v128.and(i16x8.shr_u(four, 4), nibble)));
        a2 = i32x4.add(a2, i32x4.dot_i16x8_s(two, v128.and(i16x8.shr_u(four, 8), nibble)));
        a3 = i32x4.add(a3, i32x4.dot_i16x8_s(two, i16x8.shr_u(four, 12)));
        const other = v128.load(v);
        b0 = i32x4.add(b0, i32x4.dot_i16x8_s(two, v128.and(other, nibble)));
        b1 = i32x4.add(b1, i32x4.dot_i16x8_s(two, v128.and(i16x8.shr_u(other, 4), nibble)));
        b2 = i32x4.add(b2, i32x4.dot_i16x8_s(two, v128.and(i16x8.shr_u(other, 8), nibble)));
        b3 = i32x4.add(b3, i32x4.dot_i16x8_s(two, i16x8.shr_u(other, 12)));
      }
      w += isSigned<T>() ? 32 : 16;
      v += isSigned<T>() ? 32 : 16;
      x += 4;
    }
    const scale = v128.load32_splat(x);
    x += 8;
    s0 = scaled(a0, scale, lower(v128.load(scales)), s0);
    s1 = scaled(a1, scale, upper(v128.load(scales)), s1);
    s2 = scaled(a2, scale, lower(v128.load(scales, 16)), s2);
    s3 = scaled(a3, scale, upper(v128.load(scales, 16)), s3);
    t0 = scaled(b0, scale, lower(v128.load(otherScales)), t0);
    t1 = scaled(b1, scale, upper(v128.load(otherScales)), t1);
    t2 = scaled(b2, scale, lower(v128.load(otherScales, 16)), t2);
    t3 = scaled(b3, scale, upper(v128.load(otherScales, 16)), t3);
  }
  finish(s0, s1, s2, s3, bias, y, lanes, epilogue);
  if (others > 0) finish(t0, t1, t2, t3, bias ? bias + gap : 0, y + gap, others, epilogue);
}
