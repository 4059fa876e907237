/** AssemblyScript. A panel of 16 outputs whose weights are float32 or bfloat16. */
import { siluX4 } from '../vector-math/assembly-exp';
import { loadLanes, storeLanes } from '../vector-math/assembly-lanes';
import { madd } from '../vector-math/assembly-madd';

/** Bytes of a page of memory. */
const PAGE: usize = 4096;

/**
 * Looks at weights a page ahead, or at the `last`: processors read ahead by themselves, but not into the next page, which takes long to find.
 * The load may not be left out, since an address outside of the memory would be an error.
 */
export function lookAhead(w: usize, last: usize): void {
  v128.any_true(v128.load(min(w + PAGE, last)));
}

/** Looks at every page of what will be read, all at once: to find one takes long, and longer one after the other. */
export function touchPages(from: usize, size: usize): void {
  for (const end = from + size; from < end; from += PAGE) v128.any_true(v128.load(from));
}

/** What becomes of a product with its bias: it is added to what is there already, or its silu is taken. */
export const ADD: i32 = 1;
export const SILU: i32 = 2;

/** Writes 16 sums, or the first `lanes` of them, with the bias. */
export function finish(s0: v128, s1: v128, s2: v128, s3: v128, bias: usize, y: usize, lanes: i32, then: i32): void {
  finishFour(s0, bias, y, lanes, then);
  if (lanes > 4) finishFour(s1, bias ? bias + 16 : 0, y + 16, lanes - 4, then);
  if (lanes > 8) finishFour(s2, bias ? bias + 32 : 0, y + 32, lanes - 8, then);
  if (lanes > 12) finishFour(s3, bias ? bias + 48 : 0, y + 48, lanes - 12, then);
}

function finishFour(sum: v128, bias: usize, y: usize, lanes: i32, then: i32): void {
  if (bias) sum = f32x4.add(sum, loadLanes(bias, lanes));
  if (then === ADD) sum = f32x4.add(sum, loadLanes(y, lanes));
  else if (then === SILU) sum = siluX4(sum);
  storeLanes(y, sum, lanes);
}

/** w [width, 16] float32. Even and odd inputs have sums of their own, so that no product waits for the one before. */
export function addPanelF32(w: usize, last: usize, x: usize, bias: usize, y: usize, width: i32, lanes: i32, then: i32): void {
  const zero = f32x4.splat(0);
  let s0 = zero;
  let s1 = zero;
  let s2 = zero;
  let s3 = zero;
  let t0 = zero;
  let t1 = zero;
  let t2 = zero;
  let t3 = zero;
  let left = width;
  for (; left >= 2; left -= 2) {
    if ((left & 62) === 0) lookAhead(w, last);
    const even = v128.load32_splat(x);
    const odd = v128.load32_splat(x, 4);
    s0 = madd(even, v128.load(w), s0);
    s1 = madd(even, v128.load(w, 16), s1);
    s2 = madd(even, v128.load(w, 32), s2);
    s3 = madd(even, v128.load(w, 48), s3);
    t0 = madd(odd, v128.load(w, 64), t0);
    t1 = madd(odd, v128.load(w, 80), t1);
    t2 = madd(odd, v128.load(w, 96), t2);
    t3 = madd(odd, v128.load(w, 112), t3);
    w += 128;
    x += 8;
  }
  if (left > 0) {
    const last = v128.load32_splat(x);
    s0 = madd(last, v128.load(w), s0);
    s1 = madd(last, v128.load(w, 16), s1);
    s2 = madd(last, v128.load(w, 32), s2);
    s3 = madd(last, v128.load(w, 48), s3);
  }
  finish(f32x4.add(s0, t0), f32x4.add(s1, t1), f32x4.add(s2, t2), f32x4.add(s3, t3), bias, y, lanes, then);
}

/** The bfloat16 in the lower halves of four words: outputs 0 to 3 of eight. */
export function lower(pairs: v128): v128 {
  return i32x4.shl(pairs, 16);
}

/** The bfloat16 in the upper halves of four words: outputs 4 to 7 of eight. */
export function upper(pairs: v128): v128 {
  return v128.and(pairs, i32x4.splat(0xffff0000));
}

/** w [width, 16] bfloat16, eight outputs a vector, see {@link lower}. */
export function addPanelBf16(
  w: usize,
  last: usize,
  x: usize,
  bias: usize,
  y: usize,
  width: i32,
  lanes: i32,
  then: i32,
  upperHalves: v128,
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
  let left = width;
  for (; left >= 2; left -= 2) {
    if ((left & 126) === 0) lookAhead(w, last);
    const even = v128.load32_splat(x);
    const odd = v128.load32_splat(x, 4);
    const a = v128.load(w);
    const b = v128.load(w, 16);
    const c = v128.load(w, 32);
    const d = v128.load(w, 48);
    s0 = madd(even, lower(a), s0);
    s1 = madd(even, v128.and(a, upperHalves), s1);
    s2 = madd(even, lower(b), s2);
    s3 = madd(even, v128.and(b, upperHalves), s3);
    t0 = madd(odd, lower(c), t0);
    t1 = madd(odd, v128.and(c, upperHalves), t1);
    t2 = madd(odd, lower(d), t2);
    t3 = madd(odd, v128.and(d, upperHalves), t3);
    w += 64;
    x += 8;
  }
  if (left > 0) {
    const last = v128.load32_splat(x);
    s0 = madd(last, lower(v128.load(w)), s0);
    s1 = madd(last, upper(v128.load(w)), s1);
    s2 = madd(last, lower(v128.load(w, 16)), s2);
    s3 = madd(last, upper(v128.load(w, 16)), s3);
  }
  finish(f32x4.add(s0, t0), f32x4.add(s1, t1), f32x4.add(s2, t2), f32x4.add(s3, t3), bias, y, lanes, then);
}
