/** AssemblyScript. Rounds weights as quantize.ts of ssm-core does, to the same bits: what is float64 there is so here. */
import { bytes } from '../vector-math/assembly-lanes';
import { GROUP } from './assembly-unpack';

/** Scales below this count as zero. */
const LEAST_SCALE: f64 = 1e-30;

/** Whether all float32 of some bytes are finite: 0 · x is 0 for those alone. */
export function areFinite(from: usize, size: usize): bool {
  const end = from + size;
  let zeros = f32x4.splat(0);
  for (; from + 16 <= end; from += 16) zeros = f32x4.add(zeros, f32x4.mul(f32x4.splat(0), v128.load(from)));
  const pairs = f32x4.add(zeros, v128.shuffle<f32>(zeros, zeros, 2, 3, 0, 1));
  let zero = f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
  for (; from < end; from += 4) zero += 0 * load<f32>(from);
  return zero === 0;
}

/** The upper half of a finite float32 rounded to the nearest bfloat16, ties to even; the largest become the largest. */
export function toBf16(value: f32): i32 {
  const bits = reinterpret<u32>(value);
  const rounded = ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as i32;
  return (rounded & 0x7fff) === 0x7f80 ? rounded - 1 : rounded;
}

function fromBf16(upper: i32): f64 {
  return reinterpret<f32>((upper as u32) << 16) as f64;
}

/** Writes the numbers −127 to 127 of a group, and gives the upper half of their scale. */
export function quantizeInt8(values: usize, size: i32, numbers: usize): i32 {
  let largest: f32 = 0;
  for (let i = 0; i < size; i++) largest = max(largest, abs(load<f32>(values + bytes(i))));
  return fit(values, size, numbers, toBf16(((largest as f64) / 127) as f32), -127, 127);
}

/** Writes the numbers −8 to 7 of a group, and gives the upper half of their scale, of two the one that is nearer; `others` is room for as many numbers. */
export function quantizeInt4(values: usize, size: i32, numbers: usize, others: usize): i32 {
  let extreme: f32 = 0;
  for (let i = 0; i < size; i++) {
    const value = load<f32>(values + bytes(i));
    if (abs(value) > abs(extreme)) extreme = value;
  }
  const first = fit(values, size, numbers, toBf16(((extreme as f64) / -8) as f32), -8, 7);
  const second = fit(values, size, others, toBf16(bestScale(values, size, numbers) as f32), -8, 7);
  if (distance(values, size, others, second) >= distance(values, size, numbers, first)) return first;
  memory.copy(numbers, others, GROUP);
  return second;
}

/** Writes the nearest numbers two by two, of an odd size one more, and gives the upper half of the scale, or zeros where that is as good as zero. */
function fit(values: usize, size: i32, numbers: usize, upper: i32, least: f64, most: f64): i32 {
  const scale = fromBf16(upper);
  if (abs(scale) < LEAST_SCALE) {
    memory.fill(numbers, 0, GROUP);
    return 0;
  }
  const inverse = f64x2.splat(1 / scale);
  for (let i = 0; i < size; i += 2) {
    const at = values + bytes(i);
    const two = f64x2.promote_low_f32x4(i + 1 < size ? v128.load64_zero(at) : v128.load32_zero(at));
    const nearest = f64x2.floor(f64x2.add(f64x2.mul(two, inverse), f64x2.splat(0.5)));
    const inside = i32x4.trunc_sat_f64x2_s_zero(f64x2.pmin(f64x2.pmax(nearest, f64x2.splat(least)), f64x2.splat(most)));
    store<i8>(numbers + i, i32x4.extract_lane(inside, 0) as i8);
    store<i8>(numbers + i, i32x4.extract_lane(inside, 1) as i8, 1);
  }
  return upper;
}

function bestScale(values: usize, size: i32, numbers: usize): f64 {
  let product: f64 = 0;
  let square: f64 = 0;
  for (let i = 0; i < size; i++) {
    const number = load<i8>(numbers + i) as f64;
    product += (load<f32>(values + bytes(i)) as f64) * number;
    square += number * number;
  }
  return square === 0 ? 0 : product / square;
}

function distance(values: usize, size: i32, numbers: usize, upper: i32): f64 {
  const scale = fromBf16(upper);
  let sum: f64 = 0;
  for (let i = 0; i < size; i++) {
    const difference = (load<f32>(values + bytes(i)) as f64) - scale * (load<i8>(numbers + i) as f64);
    sum += difference * difference;
  }
  return sum;
}
