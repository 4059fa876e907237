/** AssemblyScript. Sums along one run of axes, kept in float64 until they are stored: as exact as a float32 result can be. */
import { bytes, loadLanes, storeLanes } from '../../vector-math/assembly-lanes';

/** out[o, i] = scale · Σ_m x[o, m, i] for x [outer, middle, inner]. */
export function sumMiddle(x: usize, out: usize, outer: i32, middle: i32, inner: i32, scale: f64): void {
  const whole = (middle as usize) * bytes(inner);
  for (let o = 0; o < outer; o++) {
    if (inner === 1) store<f32>(out, (sumRow(x, middle) * scale) as f32);
    else sumColumns(x, out, middle, inner, scale);
    x += whole;
    out += bytes(inner);
  }
}

/** Values of one block of {@link sumParts}. */
const PART: i32 = 1 << 14;

export function sumPartsBlocks(size: i32): i32 {
  return (size + PART - 1) / PART;
}

/** out_i = Σ_part parts[part, i], from the first to the last: parts [count, size]. */
export function sumParts(parts: usize, out: usize, count: i32, size: i32, block: i32): void {
  const pitch = bytes(size);
  const end = min(size, (block + 1) * PART);
  for (let i = block * PART; i < end; i += 4) {
    const at = parts + bytes(i);
    let sum = loadLanes(at, end - i);
    for (let part = 1; part < count; part++) sum = f32x4.add(sum, loadLanes(at + (part as usize) * pitch, end - i));
    storeLanes(out + bytes(i), sum, end - i);
  }
}

function sumRow(x: usize, size: i32): f64 {
  let s0 = f64x2.splat(0);
  let s1 = s0;
  let i = 0;
  for (; i + 4 <= size; i += 4) {
    const four = v128.load(x);
    s0 = f64x2.add(s0, lowHalf(four));
    s1 = f64x2.add(s1, highHalf(four));
    x += 16;
  }
  s0 = f64x2.add(s0, s1);
  let total = f64x2.extract_lane(s0, 0) + f64x2.extract_lane(s0, 1);
  for (; i < size; i++) {
    total += load<f32>(x) as f64;
    x += 4;
  }
  return total;
}

/** Four columns at a time, from the top to the bottom. */
function sumColumns(x: usize, out: usize, rows: i32, columns: i32, scale: f64): void {
  const pitch = bytes(columns);
  let column = 0;
  for (; column + 4 <= columns; column += 4) {
    sumFourColumns(x, out, rows, pitch, scale);
    x += 16;
    out += 16;
  }
  for (; column < columns; column++) {
    let total: f64 = 0;
    for (let row: usize = 0; row < (rows as usize); row++) total += load<f32>(x + row * pitch) as f64;
    store<f32>(out, (total * scale) as f32);
    x += 4;
    out += 4;
  }
}

function sumFourColumns(x: usize, out: usize, rows: i32, pitch: usize, scale: f64): void {
  let s0 = f64x2.splat(0);
  let s1 = s0;
  for (let row = 0; row < rows; row++) {
    const four = v128.load(x);
    s0 = f64x2.add(s0, lowHalf(four));
    s1 = f64x2.add(s1, highHalf(four));
    x += pitch;
  }
  const factor = f64x2.splat(scale);
  const low = f32x4.demote_f64x2_zero(f64x2.mul(s0, factor));
  const high = f32x4.demote_f64x2_zero(f64x2.mul(s1, factor));
  v128.store(out, v128.shuffle<f32>(low, high, 0, 1, 4, 5));
}

function lowHalf(four: v128): v128 {
  return f64x2.promote_low_f32x4(four);
}

function highHalf(four: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f32>(four, four, 2, 3, 2, 3));
}
