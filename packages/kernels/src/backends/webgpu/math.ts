/** Whether a number is NaN, by its bits: WGSL lets a compiler take every number for finite. */
const IS_NAN = `
fn isNaN(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffff) > 0x7f800000; }`;

/**
 * eˣ to about one unit in the last place, at most 2.2e38, and 0 below the normal numbers. WGSL's own may be off by 3 + 2|x| units (WebGPU Shading Language,
 * §15.7.4), which a recurrence of decays adds up. x = n ln 2 + r with ln 2 in two parts (Cody and Waite), eʳ by its series to the seventh power, |r| ≤ 0.35.
 * 2ⁿ by its bits: those of n + 1.5 · 2²³ end with n, and ldexp takes several times as long.
 */
export const EXP = `${IS_NAN}
fn exactExp(given: f32) -> f32 {
  let x = clamp(given, -87.3, 88.3);
  let n = round(x * 1.44269504);
  let r = fma(n, 2.12194440e-4, fma(n, -0.693359375, x));
  var sum = fma(r, 1.98412698e-4, 1.38888889e-3);
  sum = fma(r, sum, 8.33333333e-3);
  sum = fma(r, sum, 4.16666667e-2);
  sum = fma(r, sum, 0.166666667);
  sum = fma(r, sum, 0.5);
  sum = fma(r, sum, 1.0);
  sum = fma(r, sum, 1.0);
  let power = bitcast<f32>((bitcast<u32>(n + 12582912.0) << 23) + 0x3f800000u);
  return select(select(sum * power, 0.0, given < -87.3), given, isNaN(given));
}`;

/** σ(x) = 1 / (1 + e⁻ˣ) and σ(−x) = 1 − σ(x), which a difference would round away; silu(x) = x σ(x), and its slope. Division is refined by a step of Newton's. */
export const SIGMOID = `${EXP}
fn sigmoids(x: f32) -> vec2<f32> {
  let y = exactExp(-abs(x));
  let below = 1.0 + y;
  let rough = 1.0 / below;
  let larger = fma(rough, fma(-below, rough, 1.0), rough);
  return select(vec2<f32>(larger, y * larger), vec2<f32>(y * larger, larger), x < 0.0);
}
fn sigmoid(x: f32) -> f32 { return sigmoids(x).x; }
fn silu(x: f32) -> f32 { return x * sigmoid(x); }
fn siluSlope(x: f32) -> f32 { let s = sigmoids(x); return s.x * fma(x, s.y, 1.0); }`;

/** 2 artanh s = ln((1 + s) / (1 − s)) for |s| ≤ 1/3, by its series. WGSL's own logarithm is off by 2⁻²¹ near 1. */
const TWICE_ARTANH = `
fn twiceArtanh(s: f32) -> f32 {
  let q = s * s;
  var sum = fma(q, 0.0769230769, 0.0909090909);
  sum = fma(q, sum, 0.111111111);
  sum = fma(q, sum, 0.142857143);
  sum = fma(q, sum, 0.2);
  sum = fma(q, sum, 0.333333333);
  return 2.0 * fma(s * q, sum, s);
}`;

/** ln(1 + eˣ) = max(x, 0) + ln(1 + y) with y = e^−|x|; the logarithm is 2 artanh(y / (2 + y)). */
export const SOFTPLUS = `${EXP}${TWICE_ARTANH}
fn softplus(x: f32) -> f32 {
  let y = exactExp(-abs(x));
  return select(max(x, 0.0) + twiceArtanh(y / (2.0 + y)), x, isNaN(x));
}`;

/** ln x for a normal x: of x = m 2ⁿ with m from √½ to √2, n ln 2 + 2 artanh((m − 1) / (m + 1)). */
export const LOG = `${TWICE_ARTANH}
fn exactLog(x: f32) -> f32 {
  let parts = frexp(x);
  let isLow = parts.fract < 0.707106781;
  let m = select(parts.fract, 2.0 * parts.fract, isLow);
  let n = f32(select(parts.exp, parts.exp - 1, isLow));
  return fma(n, 0.693359375, fma(n, -2.12194440e-4, twiceArtanh((m - 1.0) / (m + 1.0))));
}`;

/** The sum of what the invocations of a workgroup have, and the greatest: a tree, so the same bits every time. All must call it. */
export const treesOf = (size: number): string => `
var<workgroup> tree: array<f32, ${size}>;
fn sumOfAll(lane: u32, value: f32) -> f32 {
  tree[lane] = value;
  for (var half = ${size / 2}u; half > 0; half >>= 1) {
    workgroupBarrier();
    if (lane < half) { tree[lane] += tree[lane + half]; }
  }
  workgroupBarrier();
  let sum = tree[0];
  workgroupBarrier();
  return sum;
}
fn greatestOfAll(lane: u32, value: f32) -> f32 {
  tree[lane] = value;
  for (var half = ${size / 2}u; half > 0; half >>= 1) {
    workgroupBarrier();
    if (lane < half) { tree[lane] = max(tree[lane], tree[lane + half]); }
  }
  workgroupBarrier();
  let greatest = tree[0];
  workgroupBarrier();
  return greatest;
}`;
