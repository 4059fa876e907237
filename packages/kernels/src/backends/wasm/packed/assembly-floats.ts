/** AssemblyScript. A panel of 16 outputs whose weights are float32 or bfloat16. */
import { siluX4 } from '../vector-math/assembly-exp';
import { loadLanes, storeLanes } from '../vector-math/assembly-lanes';
import { madd } from '../vector-math/assembly-madd';

/** Bytes of a page of memory. */
const PAGE: usize = 4096;

/**
 * Looks at the end of the page behind the one with w, or at the `last` weights, 0 for nothing new: processors read ahead by themselves, but some not into
 * the next page, which takes long to find (prefetch.ts). Not at its beginning, since some would then not read ahead in it. The load may not be left
 * out, since an address outside of the memory would be an error.
 */
export function prefetchPage(w: usize, last: usize): void {
  v128.any_true(v128.load(min((w + PAGE) | (PAGE - 16), last)));
}

/** Looks at every page of what will be read, all at once: to find one takes long, and longer one after the other. */
export function touchPages(from: usize, size: usize): void {
  for (const end = from + size; from < end; from += PAGE) v128.any_true(v128.load(from));
}

/** What becomes of a product with its bias: it is added to what is there already, or its silu is taken. */
export const ADD: i32 = 1;
export const SILU: i32 = 2;

/** Writes 16 sums, or the first `lanes` of them, with the bias. */
export function finish(s0: v128, s1: v128, s2: v128, s3: v128, bias: usize, y: usize, lanes: i32, epilogue: i32): void {
  finishFour(s0, bias, y, lanes, epilogue);
  if (lanes > 4) finishFour(s1, bias ? bias + 16 : 0, y + 16, lanes - 4, epilogue);
  if (lanes > 8) finishFour(s2, bias ? bias + 32 : 0, y + 32, lanes - 8, epilogue);
  if (lanes > 12) finishFour(s3, bias ? bias + 48 : 0, y + 48, lanes - 12, epilogue);
}

function finishFour(sum: v128, bias: usize, y: usize, lanes: i32, epilogue: i32): void {
  if (bias) sum = f32x4.add(sum, loadLanes(bias, lanes));
  if (epilogue === ADD) sum = f32x4.add(sum, loadLanes(y, lanes));
  else if (epilogue === SILU) sum = siluX4(sum);
  storeLanes(y, sum, lanes);
}

/**
 * Two panels w [width, 16] float32, the other `apart` bytes behind the one, their outputs `gap` bytes: memory gives two streams faster than one. Of the other
 * only `others` outputs are written, none where the one is alone.
 */
export function addPanelsF32(
  w: usize,
  apart: usize,
  last: usize,
  x: usize,
  bias: usize,
  y: usize,
  gap: usize,
  width: i32,
  lanes: i32,
  others: i32,
  epilogue: i32,
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
  for (let left = width; left > 0; left--) {
    if ((left & 63) === 0) {
      prefetchPage(w, last);
      prefetchPage(v, last);
    }
    const input = v128.load32_splat(x);
    s0 = madd(input, v128.load(w), s0);
    s1 = madd(input, v128.load(w, 16), s1);
    s2 = madd(input, v128.load(w, 32), s2);
    s3 = madd(input, v128.load(w, 48), s3);
    t0 = madd(input, v128.load(v), t0);
    t1 = madd(input, v128.load(v, 16), t1);
    t2 = madd(input, v128.load(v, 32), t2);
    t3 = madd(input, v128.load(v, 48), t3);
    w += 64;
    v += 64;
    x += 4;
  }
  finish(s0, s1, s2, s3, bias, y, lanes, epilogue);
  if (others > 0) finish(t0, t1, t2, t3, bias ? bias + gap : 0, y + gap, others, epilogue);
}

/** The bfloat16 in the lower halves of four words: outputs 0 to 3 of eight. */
export function lower(pairs: v128): v128 {
  return i32x4.shl(pairs, 16);
}

/** The bfloat16 in the upper halves of four words: outputs 4 to 7 of eight. */
export function upper(pairs: v128): v128 {
  return v128.and(pairs, i32x4.splat(0xffff0000));
}

/** As {@link addPanelsF32}, w [width, 16] bfloat16, eight outputs a vector, see {@link lower}. */
export function addPanelsBf16(
  w: usize,
  apart: usize,
  last: usize,
  x: usize,
  bias: usize,
  y: usize,
  gap: usize,
  width: i32,
  lanes: i32,
  others: i32,
  epilogue: i32,
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
  let v = w + apart;
  for (let left = width; left > 0; left--) {
    if ((left & 127) === 0) {
      prefetchPage(w, last);
      prefetchPage(v, last);
    }
    const input = v128.load32_splat(x);
    const a = v128.load(w);
    const b = v128.load(w, 16);
    const c = v128.load(v);
    const d = v128.load(v, 16);
    s0 = madd(input, lower(a), s0);
    s1 = madd(input, v128.and(a, upperHalves), s1);
    s2 = madd(input, lower(b), s2);
    s3 = madd(input, v128.and(b, upperHalves), s3);
    t0 = madd(input, lower(c), t0);
    t1 = madd(input, v128.and(c, upperHalves), t1);
    t2 = madd(input, lower(d), t2);
    t3 = madd(input, v128.and(d, upperHalves), t3);
    w += 32;
    v += 32;
    x += 4;
  }
  finish(s0, s1, s2, s3, bias, y, lanes, epilogue);
  if (others > 0) finish(t0, t1, t2, t3, bias ? bias + gap : 0, y + gap, others, epilogue);
}
