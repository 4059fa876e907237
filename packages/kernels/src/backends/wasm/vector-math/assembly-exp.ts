/**
 * AssemblyScript. Exponentials and what is made of them, four values at a time. NaN stays NaN.
 * Polynomials are minimax in relative error on their interval, with float32 coefficients: below 5e-9, a tenth of a rounding.
 */
import { loadLanes, storeLanes } from './assembly-lanes';
import { madd, subtractProduct } from './assembly-madd';

/** 1.5 · 2^23: a float32 of that size has no digits behind the point, so adding it rounds, and its last bits are the integer. */
const ROUNDER: f32 = 12582912;
/** The same with the bias of a float32's exponent in it. */
const BIASED_ROUNDER: f32 = 12583039;

/**
 * eˣ to about 1 ulp, with gradual underflow. Cody and Waite 1980: x = n ln 2 + r with |r| ≤ ln 2 / 2, eˣ = 2ⁿ eʳ, ln 2 in two
 * parts of which the first has few digits, so that n times it is exact. 2ⁿ is multiplied in two halves, each a normal number.
 */
export function expX4(x: v128): v128 {
  const inside = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-104)), f32x4.splat(89)); // in this order a NaN passes
  const shifted = madd(inside, f32x4.splat(1.44269502), f32x4.splat(ROUNDER));
  const n = i32x4.sub(shifted, i32x4.splat(0x4b400000));
  const whole = f32x4.sub(shifted, f32x4.splat(ROUNDER));
  const most = subtractProduct(whole, f32x4.splat(0.693359375), inside);
  const r = madd(whole, f32x4.splat(2.12194442e-4), most);
  const half = i32x4.shr_s(n, 1);
  return f32x4.mul(f32x4.mul(expOfRest(r), powerOfTwo(half)), powerOfTwo(i32x4.sub(n, half)));
}

/** 2ⁿ for whole n from -126 to 128, the last giving Infinity. */
function powerOfTwo(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/** eʳ for |r| ≤ ln 2 / 2: 1 + (r + r² P(r)). */
function expOfRest(r: v128): v128 {
  let p = madd(f32x4.splat(0.0013821694301441312), r, f32x4.splat(0.00836866907775402));
  p = madd(p, r, f32x4.splat(0.041668254882097244));
  p = madd(p, r, f32x4.splat(0.1666652113199234));
  p = madd(p, r, f32x4.splat(0.4999999403953552));
  return f32x4.add(f32x4.splat(1), madd(f32x4.mul(r, r), p, r));
}

/**
 * 2ᶻ to about 1 ulp of z's own rounding, for the decays of a scan: shorter than {@link expX4}, zero instead of a subnormal number.
 * z = n + f with |f| ≤ ½ exactly; 2ᶠ = 1 + f Q(f), so that slow decays, f near 0, are right to the last bit.
 */
export function exp2X4(z: v128): v128 {
  return exp2InsideX4(f32x4.pmin(f32x4.pmax(z, f32x4.splat(-127)), f32x4.splat(128)));
}

/** {@link exp2X4} from -127 to 128. */
export function exp2InsideX4(inside: v128): v128 {
  const shifted = f32x4.add(inside, f32x4.splat(BIASED_ROUNDER));
  const f = f32x4.sub(inside, f32x4.sub(shifted, f32x4.splat(BIASED_ROUNDER)));
  const low = madd(f32x4.splat(0.24022643268108368), f, f32x4.splat(0.6931471824645996));
  const middle = madd(f32x4.splat(0.009619002230465412), f, f32x4.splat(0.055503588169813156));
  const high = madd(f32x4.splat(0.0001519669167464599), f, f32x4.splat(0.0013391304528340697));
  const square = f32x4.mul(f, f);
  const q = madd(madd(high, square, middle), square, low);
  return f32x4.mul(madd(q, f, f32x4.splat(1)), i32x4.shl(shifted, 23));
}

/** {@link expX4} from -87 to 89, a power of two shorter; Infinity from 88.4 on. */
function expInsideX4(x: v128): v128 {
  const shifted = madd(x, f32x4.splat(1.44269502), f32x4.splat(BIASED_ROUNDER));
  const whole = f32x4.sub(shifted, f32x4.splat(BIASED_ROUNDER));
  const most = subtractProduct(whole, f32x4.splat(0.693359375), x);
  const r = madd(whole, f32x4.splat(2.12194442e-4), most);
  return f32x4.mul(expOfRest(r), i32x4.shl(shifted, 23));
}

/** e⁻ˣ to be added to 1, where all beyond 87 is as good as zero. */
function decayX4(x: v128, least: f32): v128 {
  return expInsideX4(f32x4.neg(f32x4.pmin(f32x4.pmax(x, f32x4.splat(least)), f32x4.splat(87)))); // in this order a NaN passes
}

/** 1 / (1 + e⁻ˣ), accurate also where it is small, but zero below -88.4, where it is no normal number. */
export function sigmoidX4(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), decayX4(x, -89)));
}

/** x σ(x). */
export function siluX4(x: v128): v128 {
  return f32x4.div(x, f32x4.add(f32x4.splat(1), decayX4(x, -89)));
}

/** d silu / dx as {@link siluSlopeOf} has it. */
export function siluSlopeX4(x: v128): v128 {
  const e = finiteDecayX4(x);
  return siluSlopeOf(x, e, f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), e)));
}

/** e⁻ˣ, and not Infinity, which would make a NaN of what it multiplies. */
export function finiteDecayX4(x: v128): v128 {
  return decayX4(x, -87);
}

/** σ (1 + x (1 − σ)) of x, e⁻ˣ and σ(x); 1 − σ = e⁻ˣ σ is not left to a difference. */
export function siluSlopeOf(x: v128, e: v128, sigmoid: v128): v128 {
  return f32x4.mul(sigmoid, madd(x, f32x4.mul(e, sigmoid), f32x4.splat(1)));
}

/** ln(1 + eˣ). */
export function softplusX4(x: v128): v128 {
  return softplusOf(x, expOfDistanceX4(x));
}

/** y = ln(1 + eˣ) of at least one value, the exponentials first: each loop fills the registers by itself. x and y lie apart. */
export function softplusOfAll(x: usize, y: usize, count: i32): void {
  let at: usize = 0;
  let left = count;
  do {
    storeLanes(y + at, expOfDistanceX4(loadLanes(x + at, left)), left);
    at += 16;
    left -= 4;
  } while (left > 0);
  at = 0;
  left = count;
  do {
    storeLanes(y + at, softplusOf(loadLanes(x + at, left), loadLanes(y + at, left)), left);
    at += 16;
    left -= 4;
  } while (left > 0);
}

/** e^−|x|, zero instead of a subnormal number. */
function expOfDistanceX4(x: v128): v128 {
  return expInsideX4(f32x4.pmax(f32x4.neg(f32x4.abs(x)), f32x4.splat(-88)));
}

/** Of x and e = e^−|x|: max(x, 0) + ln(1 + e); ln(1 + e) = 2 artanh(s) with s = e / (2 + e) ≤ ⅓, as s (2 + s² R(s²)). */
function softplusOf(x: v128, e: v128): v128 {
  const s = f32x4.div(e, f32x4.add(f32x4.splat(2), e));
  const z = f32x4.mul(s, s);
  let p = madd(f32x4.splat(0.28026703000068665), z, f32x4.splat(0.27998629212379456));
  p = madd(p, z, f32x4.splat(0.4002173542976379));
  p = madd(p, z, f32x4.splat(0.6666641235351562));
  const rest = f32x4.mul(s, madd(z, p, f32x4.splat(2)));
  return f32x4.add(f32x4.pmax(x, f32x4.splat(0)), rest);
}
