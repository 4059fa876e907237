/**
 * AssemblyScript, see scripts/build-wasm.mjs. Products with weights that were packed once (pack.ts), of a few rows: 16 outputs side by side,
 * read from first to last byte, so that a step costs what it takes to read the weights; and of many rows, through the tiles of matmul. Addresses count bytes, sizes values.
 */
import { Product, scratchOfBlock } from '../../../operations/matmul/wasm/assembly-block';
import { blockOfManyRows, count } from '../../../operations/matmul/wasm/assembly-sizes';
import { bytes, loadLanes } from '../vector-math/assembly-lanes';
import { addPanelsBf16, addPanelsF32 } from './assembly-floats';
import { addPanelsOfIntegers } from './assembly-integers';
import { multiplyPart, setProduct } from './assembly-part';
import { BF16, bytesOfPanel, F32, GROUP, GROUP_WORDS, INT8, PANEL, wordsOf } from './assembly-unpack';

export { packIntegers, packWeights, packWeightsBlocks, packWeightsScratchBytes } from './assembly-pack';
export {
  packedSumsBytes,
  packSums,
  packSumsBlocks,
  packSumsScratchBytes,
  strassenApplies,
  strassenProduct,
  strassenProductBlocks,
  strassenProductScratchBytes,
} from './assembly-strassen';

/** Multiplications that are worth one of the first blocks, some µs for which threads that decode wait awake, and one of those beyond. */
const WORTH_A_FIRST_BLOCK: i64 = 1 << 14;
const WORTH_A_BLOCK: i64 = 1 << 19;
const FIRST_BLOCKS: i64 = 8;
const MOST_BLOCKS: i64 = 64;
/** Groups of activations that are worth a block of their own, some µs. */
const FEWEST_GROUPS: i32 = 16;

/** Into how many blocks {@link packedLinear} cuts its panels. */
export function packedLinearBlocks(rows: i32, width: i32, out: i32): i32 {
  const work = (rows as i64) * (width as i64) * (out as i64);
  const blocks = min(work / WORTH_A_FIRST_BLOCK, FIRST_BLOCKS + work / WORTH_A_BLOCK);
  return max(1, min(count(out, PANEL), min(MOST_BLOCKS, blocks) as i32));
}

/**
 * y = x wᵀ + bias, and `epilogue` {@link ADD} or {@link SILU}, or 0. x [rows, width] in float32, `stride` floats from row to row, or for weights of whole
 * numbers as {@link packActivations} leaves it; bias [out] or 0; y [rows, out]. `prefetch` is the address of a word that is 0 where weights are not to be
 * looked at ahead.
 */
export function packedLinear(
  kind: i32,
  weights: usize,
  x: usize,
  stride: i32,
  bias: usize,
  y: usize,
  rows: i32,
  width: i32,
  out: i32,
  epilogue: i32,
  prefetch: usize,
  block: i32,
): void {
  const panels = count(out, PANEL);
  const blocks = packedLinearBlocks(rows, width, out) as i64;
  const first = (((block as i64) * (panels as i64)) / blocks) as i32;
  const end = ((((block + 1) as i64) * (panels as i64)) / blocks) as i32;
  const ofPanel = bytesOfPanel(kind, width);
  const groups = count(width, GROUP);
  const ofRow = bytes(kind > BF16 ? wordsOf(kind, width) : stride);
  const last = load<i32>(prefetch) ? weights + (panels as usize) * ofPanel - 16 : 0;
  // not known before: V8 makes constants anew in every round of a loop
  const upperHalves = i32x4.splat(0xffff0000 + (kind - BF16));
  const nibble = i16x8.splat((15 * (kind - INT8)) as i16);
  const half = (end - first + 1) >> 1;
  const gap = bytes(half * PANEL);
  for (let panel = first; panel < first + half; panel++) {
    const w = weights + (panel as usize) * ofPanel;
    const lanes = out - panel * PANEL;
    const others = panel + half < end ? lanes - half * PANEL : 0;
    const apart = others ? (half as usize) * ofPanel : 0;
    const b = bias ? bias + bytes(panel * PANEL) : 0;
    for (let row = 0; row < rows; row++) {
      const from = x + (row as usize) * ofRow;
      const to = y + (((row as usize) * (out as usize) + ((panel * PANEL) as usize)) << 2);
      if (kind === F32) addPanelsF32(w, apart, last, from, b, to, gap, width, lanes, others, epilogue);
      else if (kind === BF16) addPanelsBf16(w, apart, last, from, b, to, gap, width, lanes, others, epilogue, upperHalves);
      else if (kind === INT8) addPanelsOfIntegers<i8>(w, apart, last, from, b, to, gap, groups, lanes, others, epilogue, nibble);
      else addPanelsOfIntegers<u8>(w, apart, last, from, b, to, gap, groups, lanes, others, epilogue, nibble);
    }
  }
}

/** Bytes of a product in the table of {@link packedLinears}. */
const ENTRY: usize = 48;

/**
 * Several products that do not depend on each other as one, so that threads meet once: what {@link packedLinear} is given of each, and into how
 * many blocks it is cut, lies in a table of words.
 */
export function packedLinears(table: usize, block: i32): void {
  while (block >= load<i32>(table, 44)) {
    block -= load<i32>(table, 44);
    table += ENTRY;
  }
  packedLinear(
    load<i32>(table),
    load<usize>(table, 4),
    load<usize>(table, 8),
    load<i32>(table, 12),
    load<usize>(table, 16),
    load<usize>(table, 20),
    load<i32>(table, 24),
    load<i32>(table, 28),
    load<i32>(table, 32),
    load<i32>(table, 36),
    load<usize>(table, 40),
    block,
  );
}

/** Into how many blocks {@link packedProduct} cuts its rows and outputs. */
export function packedProductBlocks(rows: i32, width: i32, out: i32): i32 {
  const block = blockOfManyRows(rows, width, out);
  return count(rows, (block >> 32) as i32) * count(out, block as i32);
}

/** Bytes that {@link packedProduct} needs at `scratch`. */
export function packedProductScratchBytes(kind: i32, rows: i32, width: i32, out: i32): usize {
  const block = blockOfManyRows(rows, width, out);
  return scratchOfBlock((block >> 32) as i32, wordsOf(kind, width), block as i32);
}

/** As {@link packedLinear} for many rows: a block of y, from weights that are widened to float32, or from integers to 16 bits, part by part. */
export function packedProduct(
  kind: i32,
  weights: usize,
  x: usize,
  stride: i32,
  bias: usize,
  y: usize,
  rows: i32,
  width: i32,
  out: i32,
  epilogue: i32,
  block: i32,
  scratch: usize,
): void {
  const size = blockOfManyRows(rows, width, out);
  const height = (size >> 32) as i32;
  const breadth = size as i32;
  const across = count(out, breadth);
  const row = (block / across) * height;
  const column = (block % across) * breadth;
  const some = min(height, rows - row);
  const columns = min(breadth, out - column);
  const p = changetype<Product>(scratch);
  setProduct(p, kind, weights, x, stride, bias, y, rows, width, out, epilogue);
  multiplyPart(p, bias, epilogue, row, some, column, columns, scratch + offsetof<Product>());
}

/** Into how many blocks {@link packActivations} cuts its groups. */
export function packActivationsBlocks(rows: i32, width: i32): i32 {
  return count(rows * count(width, GROUP), groupsOfBlock(rows, width));
}

function groupsOfBlock(rows: i32, width: i32): i32 {
  return max(FEWEST_GROUPS, count(rows * count(width, GROUP), MOST_BLOCKS as i32));
}

/**
 * x [rows, width], `stride` floats from row to row, as integers of 16 bits in groups of 32: exact to 1.6e-5 of the largest of a group, far below what the
 * weights lose. Behind the numbers of each group come its scale and its sum. A group with a value that is not finite gets the scale NaN.
 */
export function packActivations(x: usize, stride: i32, to: usize, rows: i32, width: i32, block: i32): void {
  const groups = count(width, GROUP);
  const some = groupsOfBlock(rows, width);
  const end = min(rows * groups, (block + 1) * some);
  for (let i = block * some; i < end; ) {
    const row = i / groups;
    const endOfRow = min(end, (row + 1) * groups);
    for (; i < endOfRow; i++) {
      const first = (i - row * groups) * GROUP;
      packGroup(x + bytes(row * stride + first), to + (i as usize) * bytes(GROUP_WORDS), min(GROUP, width - first));
    }
  }
}

function packGroup(x: usize, to: usize, lanes: i32): void {
  const largest = largestSize(x, lanes); // a NaN stays
  const isNumber = largest < f32.POSITIVE_INFINITY;
  const isSome = isNumber && largest > 1e-30;
  const inverse = f32x4.splat(isSome ? 32767 / largest : 0);
  let sum = i32x4.splat(0);
  let i = 0;
  for (; i + 8 <= lanes; i += 8)
    sum = i32x4.add(sum, packEight(v128.load(x + bytes(i)), v128.load(x + bytes(i), 16), inverse, to + (bytes(i) >> 1)));
  for (; i < GROUP; i += 8) sum = i32x4.add(sum, packEight(lanesOf(x, i, lanes), lanesOf(x, i + 4, lanes), inverse, to + (bytes(i) >> 1)));
  store<f32>(to, isNumber ? (isSome ? largest / 32767 : 0) : f32.NaN, 64);
  const total = i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3);
  store<i32>(to, total, 68);
}

function largestSize(x: usize, lanes: i32): f32 {
  let sizes = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= lanes; i += 4) sizes = f32x4.max(sizes, f32x4.abs(v128.load(x + bytes(i))));
  if (i < lanes) sizes = f32x4.max(sizes, f32x4.abs(loadLanes(x + bytes(i), lanes - i)));
  const pairs = f32x4.max(sizes, v128.shuffle<f32>(sizes, sizes, 2, 3, 0, 1));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/** Stores eight values times `inverse` as integers, and gives sums of pairs. */
function packEight(low: v128, high: v128, inverse: v128, to: usize): v128 {
  const first = rounded(f32x4.mul(low, inverse));
  const second = rounded(f32x4.mul(high, inverse));
  v128.store(to, i16x8.narrow_i32x4_s(first, second));
  return i32x4.add(first, second);
}

/** The nearest integers of up to 22 bits: 1.5 · 2^23 has no digits behind the point, so adding it rounds, and its last bits are the number. */
function rounded(x: v128): v128 {
  return i32x4.sub(f32x4.add(x, f32x4.splat(12582912)), i32x4.splat(0x4b400000));
}

/** Values i to i + 3 of a group, zeros behind its end. */
function lanesOf(x: usize, i: i32, lanes: i32): v128 {
  return i < lanes ? loadLanes(x + bytes(i), lanes - i) : f32x4.splat(0);
}
