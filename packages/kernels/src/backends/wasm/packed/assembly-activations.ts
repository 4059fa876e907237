/**
 * AssemblyScript. Activations that weights of integers are multiplied with: integers of 16 bits in groups of 32, each with a scale and its sum. Exact to
 * 1.6e-5 of the largest of a group, far below what the weights lose. A group with a value that is not finite gets the scale NaN.
 */
import { count } from '../../../operations/matmul/wasm/assembly-sizes';
import { bytes, loadLanes } from '../vector-math/assembly-lanes';
import { TOGETHER } from './assembly-rows';
import { GROUP, GROUP_WORDS } from './assembly-unpack';

/** Groups, of one row or of those that are packed at once, that are worth a block of their own, and blocks at most. */
const FEWEST_GROUPS: i32 = 16;
const MOST_BLOCKS: i32 = 64;

/** Into how many blocks {@link packActivations} cuts its groups. */
export function packActivationsBlocks(rows: i32, width: i32): i32 {
  const together = togetherOf(rows);
  return count(count(rows, together) * count(width, GROUP), groupsOfBlock(rows, width));
}

/** Rows whose groups are packed at once. */
function togetherOf(rows: i32): i32 {
  return rows > 1 ? TOGETHER : 1;
}

/** Groups, of all rows that are packed at once. */
function groupsOfBlock(rows: i32, width: i32): i32 {
  const together = togetherOf(rows);
  return max(FEWEST_GROUPS, count(count(rows, together) * count(width, GROUP), MOST_BLOCKS));
}

/** Bytes of what {@link packActivations} makes. */
export function packedActivationsBytes(rows: i32, width: i32): usize {
  const together = togetherOf(rows);
  return ((count(rows, together) * together) as usize) * bytes(count(width, GROUP) * GROUP_WORDS);
}

/**
 * x [rows, width], `stride` floats from row to row. A group of one row alone is 16 words of two integers, its scale and its sum. Of more rows the
 * groups of four lie together: word by word, each of all four, and what there is of rows behind the last repeats it.
 */
export function packActivations(x: usize, stride: i32, to: usize, rows: i32, width: i32, block: i32): void {
  const together = togetherOf(rows);
  const groups = count(width, GROUP);
  const some = groupsOfBlock(rows, width);
  const end = min(count(rows, together) * groups, (block + 1) * some);
  for (let i = block * some; i < end; i++) {
    const row = (i / groups) * together;
    const first = (i % groups) * GROUP;
    const from = x + bytes(row * stride + first);
    const lanes = min(GROUP, width - first);
    const target = to + (i as usize) * bytes(GROUP_WORDS * together);
    if (together === 1) packGroup(from, target, lanes);
    else packFour(from, bytes(stride), min(TOGETHER, rows - row), target, lanes);
  }
}

function packGroup(x: usize, to: usize, lanes: i32): void {
  const largest = largestSize(x, lanes);
  const inverse = f32x4.splat(inverseOf(largest));
  let sums = i32x4.splat(0);
  for (let i = 0; i < GROUP; i += 8) {
    const first = integersOf(x, i, lanes, inverse);
    const second = integersOf(x, i + 4, lanes, inverse);
    v128.store(to + (bytes(i) >> 1), i16x8.narrow_i32x4_s(first, second));
    sums = i32x4.add(sums, i32x4.add(first, second));
  }
  store<f32>(to, scaleOf(largest), 64);
  store<i32>(to, sumOf(sums), 68);
}

/** The groups of `rows` rows, `stride` bytes apart. */
function packFour(x: usize, stride: usize, rows: i32, to: usize, lanes: i32): void {
  for (let row = 0; row < TOGETHER; row++) {
    const largest = largestSize(x, lanes);
    const inverse = f32x4.splat(inverseOf(largest));
    let sums = i32x4.splat(0);
    let at = to;
    for (let i = 0; i < GROUP; i += 8) {
      const first = integersOf(x, i, lanes, inverse);
      const second = integersOf(x, i + 4, lanes, inverse);
      const eight = i16x8.narrow_i32x4_s(first, second);
      v128.store_lane<i32>(at, eight, 0);
      v128.store_lane<i32>(at, eight, 1, 16);
      v128.store_lane<i32>(at, eight, 2, 32);
      v128.store_lane<i32>(at, eight, 3, 48);
      sums = i32x4.add(sums, i32x4.add(first, second));
      at += 64;
    }
    store<f32>(to, scaleOf(largest), 256);
    store<i32>(to, sumOf(sums), 272);
    if (row + 1 < rows) x += stride;
    to += 4;
  }
}

/** A NaN stays: bits without their sign are in the order of sizes, and those of a NaN are above all. Integers, since V8 takes eight operations for a maximum of floats. */
function largestSize(x: usize, lanes: i32): f32 {
  let twice = i32x4.splat(0);
  let i = 0;
  for (; i + 4 <= lanes; i += 4) twice = i32x4.max_u(twice, i32x4.shl(v128.load(x + bytes(i)), 1));
  if (i < lanes) twice = i32x4.max_u(twice, i32x4.shl(loadLanes(x + bytes(i), lanes - i), 1));
  twice = i32x4.max_u(twice, v128.shuffle<i32>(twice, twice, 2, 3, 0, 1));
  twice = i32x4.max_u(twice, v128.shuffle<i32>(twice, twice, 1, 0, 3, 2));
  return reinterpret<f32>(i32x4.extract_lane(twice, 0) >>> 1);
}

/** Groups of values smaller than this count as zeros. */
const LEAST: f32 = 1e-30;

function inverseOf(largest: f32): f32 {
  return largest > LEAST && largest < f32.POSITIVE_INFINITY ? 32767 / largest : 0;
}

function scaleOf(largest: f32): f32 {
  return largest < f32.POSITIVE_INFINITY ? (largest > LEAST ? largest / 32767 : 0) : f32.NaN;
}

/** Values i to i + 3 of a group, zeros behind its end, times `inverse`: as the nearest integers. */
function integersOf(x: usize, i: i32, lanes: i32, inverse: v128): v128 {
  if (i + 4 <= lanes) return rounded(f32x4.mul(v128.load(x + bytes(i)), inverse));
  return i < lanes ? rounded(f32x4.mul(loadLanes(x + bytes(i), lanes - i), inverse)) : i32x4.splat(0);
}

/** The nearest integers of up to 22 bits: 1.5 · 2^23 has no digits behind the point, so adding it rounds, and its last bits are the number. */
function rounded(x: v128): v128 {
  return i32x4.sub(f32x4.add(x, f32x4.splat(12582912)), i32x4.splat(0x4b400000));
}

function sumOf(four: v128): i32 {
  return i32x4.extract_lane(four, 0) + i32x4.extract_lane(four, 1) + i32x4.extract_lane(four, 2) + i32x4.extract_lane(four, 3);
}
