/**
 * AssemblyScript, see scripts/build-wasm.mjs. Products with weights that were packed once (pack.ts), of a few rows: 16 outputs side by side,
 * read from first to last byte, so that a step costs what it takes to read the weights; and of many rows, through the tiles of matmul. Addresses count bytes, sizes values.
 */
import { multiplyBlock, Product, scratchOfBlock } from '../matmul/assembly-block';
import { blockOfManyRows, count } from '../matmul/assembly-sizes';
import { bytes, loadLanes, storeLanes } from '../vector-math/assembly-lanes';
import { addPanelBf16, addPanelF32 } from './assembly-floats';
import { addPanelInt4, addPanelInt8 } from './assembly-integers';
import { BF16, bytesOfPanel, F32, GROUP, INT8, PANEL } from './assembly-unpack';

/** Bytes of a group of activations: 32 whole numbers of 16 bits, a scale, a sum. */
const ACTIVATIONS: usize = 72;
/** Multiplications that are worth a block of their own: 10 to 50 µs, by the bytes of a weight. */
const WORTH_A_BLOCK: i64 = 1 << 18;
const MOST_BLOCKS: i64 = 256;

/** Into how many blocks {@link packedLinear} cuts its panels. */
export function packedLinearBlocks(rows: i32, width: i32, out: i32): i32 {
  const work = (rows as i64) * (width as i64) * (out as i64);
  const blocks = min(MOST_BLOCKS, (work + WORTH_A_BLOCK - 1) / WORTH_A_BLOCK) as i32;
  return max(1, min(count(out, PANEL), blocks));
}

/**
 * y = x wᵀ + bias, added to what is there where `add`. x [rows, width] in float32, `stride` floats from row to row, or for weights of whole
 * numbers as {@link packActivations} leaves it; bias [out] or 0; y [rows, out].
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
  add: bool,
  block: i32,
): void {
  const panels = count(out, PANEL);
  const blocks = packedLinearBlocks(rows, width, out) as i64;
  const first = (((block as i64) * (panels as i64)) / blocks) as i32;
  const end = ((((block + 1) as i64) * (panels as i64)) / blocks) as i32;
  const ofPanel = bytesOfPanel(kind, width);
  const groups = count(width, GROUP);
  const ofRow: usize = kind > BF16 ? (groups as usize) * ACTIVATIONS : (stride as usize) << 2;
  for (let panel = first; panel < end; panel++) {
    const w = weights + (panel as usize) * ofPanel;
    const lanes = min(PANEL, out - panel * PANEL);
    const b = bias ? bias + ((panel * PANEL) as usize) * 4 : 0;
    for (let row = 0; row < rows; row++) {
      const from = x + (row as usize) * ofRow;
      const to = y + (((row as usize) * (out as usize) + ((panel * PANEL) as usize)) << 2);
      if (kind === F32) addPanelF32(w, from, b, to, width, lanes, add);
      else if (kind === BF16) addPanelBf16(w, from, b, to, width, lanes, add);
      else if (kind === INT8) addPanelInt8(w, from, b, to, groups, lanes, add);
      else addPanelInt4(w, from, b, to, groups, lanes, add);
    }
  }
}

/** Into how many blocks {@link packedProduct} cuts its rows and outputs. */
export function packedProductBlocks(rows: i32, width: i32, out: i32): i32 {
  const block = blockOfManyRows(rows, width, out);
  return count(rows, (block >> 32) as i32) * count(out, block as i32);
}

/** Bytes that {@link packedProduct} needs at `scratch`. */
export function packedProductScratchBytes(rows: i32, width: i32, out: i32): usize {
  const block = blockOfManyRows(rows, width, out);
  return scratchOfBlock((block >> 32) as i32, width, block as i32);
}

/** As {@link packedLinear} for many rows: a block of y from weights that are widened to float32 part by part. x is in float32 for all kinds. */
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
  add: bool,
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
  p.setPacked(kind, x, stride, weights, y, rows, width, out, add || bias !== 0);
  if (bias) for (let i = row; i < row + some; i++) addBias(bias + bytes(column), p.cAt(i, column), columns, add);
  multiplyBlock(p, row, some, column, columns, scratch + offsetof<Product>());
}

/** y = bias, or y += bias. */
function addBias(bias: usize, y: usize, columns: i32, add: bool): void {
  for (let i = 0; i < columns; i += 4) {
    const value = loadLanes(bias + bytes(i), columns - i);
    storeLanes(y + bytes(i), add ? f32x4.add(value, loadLanes(y + bytes(i), columns - i)) : value, columns - i);
  }
}

/**
 * x [rows, width], `stride` floats from row to row, as whole numbers of 16 bits in groups of 32 with a scale: exact to 1.6e-5 of the largest of a group, far below what the
 * weights lose. Behind a row's numbers come the scales of its groups, then their sums. A group with a value that is not finite gets the scale NaN.
 */
export function packActivations(x: usize, stride: i32, to: usize, rows: i32, width: i32): void {
  const groups = count(width, GROUP);
  for (let row = 0; row < rows; row++) {
    for (let group = 0; group < groups; group++) packGroup(x, to, group, groups, min(GROUP, width - group * GROUP));
    x += (stride as usize) << 2;
    to += (groups as usize) * ACTIVATIONS;
  }
}

function packGroup(x: usize, to: usize, group: i32, groups: i32, lanes: i32): void {
  x += ((group * GROUP) as usize) << 2;
  const numbers = to + (((group * GROUP) as usize) << 1);
  const scales = to + ((groups * GROUP) as usize) * 2 + ((group as usize) << 2);
  let largest: f32 = 0;
  for (let i = 0; i < lanes; i++) largest = max(largest, abs(load<f32>(x + ((i as usize) << 2)))); // a NaN stays
  const isNumber = largest < f32.POSITIVE_INFINITY;
  const isSome = isNumber && largest > 1e-30;
  const inverse = f32x4.splat(isSome ? 32767 / largest : 0);
  let sum = i32x4.splat(0);
  for (let i = 0; i < GROUP; i += 8) {
    const low = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(lanesOf(x, i, lanes), inverse)));
    const high = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(lanesOf(x, i + 4, lanes), inverse)));
    sum = i32x4.add(sum, i32x4.add(low, high));
    v128.store(numbers + ((i as usize) << 1), i16x8.narrow_i32x4_s(low, high));
  }
  store<f32>(scales, isNumber ? (isSome ? largest / 32767 : 0) : f32.NaN);
  const total = i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3);
  store<i32>(scales + ((groups as usize) << 2), total);
}

/** Values i to i + 3 of a group, zeros behind its end. */
function lanesOf(x: usize, i: i32, lanes: i32): v128 {
  const at = x + ((i as usize) << 2);
  if (i + 4 <= lanes) return v128.load(at);
  let value = f32x4.splat(0);
  if (i < lanes) value = f32x4.replace_lane(value, 0, load<f32>(at));
  if (i + 1 < lanes) value = f32x4.replace_lane(value, 1, load<f32>(at + 4));
  if (i + 2 < lanes) value = f32x4.replace_lane(value, 2, load<f32>(at + 8));
  return value;
}
