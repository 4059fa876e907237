/**
 * AssemblyScript. A panel of 16 outputs whose weights are whole numbers of 8 or 4 bits, in groups of 32 with a bfloat16 scale for each output.
 * Inside a group everything is exact: pairs of products in 32 bits, at most 32 · 127 · 32767. `i32x4.relaxed_dot_i8x16_i7x16_add_s` would
 * do more at a time, but Node 20's V8 computes it wrongly, and its activations have 7 bits.
 */
import { madd } from '../vector-math/assembly-madd';
import { finish, lookAhead, lower, upper } from './assembly-floats';
import { PAIRS } from './assembly-unpack';

/** For each group 16 scales, then for each pair of inputs 32 numbers of 8 bits: [output, one of the two]. */
export function addPanelInt8(w: usize, last: usize, x: usize, bias: usize, y: usize, groups: i32, lanes: i32, then: i32): void {
  const zero = f32x4.splat(0);
  let s0 = zero;
  let s1 = zero;
  let s2 = zero;
  let s3 = zero;
  for (let group = 0; group < groups; group++) {
    if ((group & 7) === 0) lookAhead(w, last);
    const low = v128.load(w);
    const high = v128.load(w, 16);
    w += 32;
    let a0 = i32x4.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    for (let pair = 0; pair < PAIRS; pair++) {
      const two = v128.load32_splat(x);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(two, v128.load_ext<i8>(w)));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(two, v128.load_ext<i8>(w, 8)));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(two, v128.load_ext<i8>(w, 16)));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(two, v128.load_ext<i8>(w, 24)));
      w += 32;
      x += 4;
    }
    const scale = v128.load32_splat(x);
    x += 8;
    s0 = madd(f32x4.convert_i32x4_s(a0), f32x4.mul(scale, lower(low)), s0);
    s1 = madd(f32x4.convert_i32x4_s(a1), f32x4.mul(scale, upper(low)), s1);
    s2 = madd(f32x4.convert_i32x4_s(a2), f32x4.mul(scale, lower(high)), s2);
    s3 = madd(f32x4.convert_i32x4_s(a3), f32x4.mul(scale, upper(high)), s3);
  }
  finish(s0, s1, s2, s3, bias, y, lanes, then);
}

/** For each group 16 scales, then for each pair of inputs 32 numbers of 4 bits, 0 to 15 for −8 to 7: 8 Σ x is taken off beforehand. */
export function addPanelInt4(w: usize, x: usize, bias: usize, y: usize, groups: i32, lanes: i32, then: i32): void {
  const zero = f32x4.splat(0);
  let s0 = zero;
  let s1 = zero;
  let s2 = zero;
  let s3 = zero;
  const nibble = i16x8.splat(15);
  for (let group = 0; group < groups; group++) {
    const low = v128.load(w);
    const high = v128.load(w, 16);
    w += 32;
    let a0 = i32x4.splat(-8 * load<i32>(x, 68));
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    for (let pair = 0; pair < PAIRS; pair++) {
      const two = v128.load32_splat(x);
      const four = v128.load(w);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(two, v128.and(four, nibble)));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(two, v128.and(i16x8.shr_u(four, 4), nibble)));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(two, v128.and(i16x8.shr_u(four, 8), nibble)));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(two, i16x8.shr_u(four, 12)));
      w += 16;
      x += 4;
    }
    const scale = v128.load32_splat(x);
    x += 8;
    s0 = madd(f32x4.convert_i32x4_s(a0), f32x4.mul(scale, lower(low)), s0);
    s1 = madd(f32x4.convert_i32x4_s(a1), f32x4.mul(scale, upper(low)), s1);
    s2 = madd(f32x4.convert_i32x4_s(a2), f32x4.mul(scale, lower(high)), s2);
    s3 = madd(f32x4.convert_i32x4_s(a3), f32x4.mul(scale, upper(high)), s3);
  }
  finish(s0, s1, s2, s3, bias, y, lanes, then);
}
