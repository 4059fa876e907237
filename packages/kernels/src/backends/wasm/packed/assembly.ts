/**
 * AssemblyScript, see scripts/build-wasm.mjs. Products with weights that were packed once (pack.ts), of a few rows: 16 outputs side by side,
 * read from first to last byte, so that a step costs what it takes to read the weights; and of many rows, through the tiles of matmul. Addresses count bytes, sizes values.
 */
import { Product, scratchOfBlock } from '../../../operations/matmul/wasm/assembly-block';
import { blockOfManyRows, count } from '../../../operations/matmul/wasm/assembly-sizes';
import { bytes } from '../vector-math/assembly-lanes';
import { addPanelsBf16, addPanelsF32 } from './assembly-floats';
import { addPanelsOfIntegers } from './assembly-integers';
import { multiplyPart, setProduct } from './assembly-part';
import { finishRows, multiplyRows, sumsBytes } from './assembly-rows';
import { BF16, bytesOfPanel, F32, GROUP, INT8, PANEL, wordsOf } from './assembly-unpack';

export { packActivations, packActivationsBlocks, packedActivationsBytes } from './assembly-activations';
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

/** Into how many blocks {@link packedLinear} cuts its panels. */
export function packedLinearBlocks(rows: i32, width: i32, out: i32): i32 {
  const work = (rows as i64) * (width as i64) * (out as i64);
  const blocks = min(work / WORTH_A_FIRST_BLOCK, FIRST_BLOCKS + work / WORTH_A_BLOCK);
  return max(1, min(count(out, PANEL), min(MOST_BLOCKS, blocks) as i32));
}

/** Bytes that {@link packedLinear} needs at `scratch`. */
export function packedLinearScratchBytes(rows: i32): usize {
  return sumsBytes(rows);
}

/**
 * y = x wᵀ + bias, and `epilogue` {@link ADD} or {@link SILU}, or 0. x [rows, width] in float32, `stride` floats from row to row, or for weights of whole
 * numbers as {@link packActivations} leaves it; bias [out] or 0; y [rows, out]. `prefetch` is the address of a word that is 0 where weights are not to be
 * looked at ahead. A row has the bits that it has alone.
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
  scratch: usize,
): void {
  const panels = count(out, PANEL);
  const blocks = packedLinearBlocks(rows, width, out) as i64;
  const first = (((block as i64) * (panels as i64)) / blocks) as i32;
  const end = ((((block + 1) as i64) * (panels as i64)) / blocks) as i32;
  const last = load<i32>(prefetch) ? weights + (panels as usize) * bytesOfPanel(kind, width) - 16 : 0;
  if (rows === 1) addPanels(kind, weights, last, x, bias, y, width, out, epilogue, first, end);
  else addRows(kind, weights, last, x, bytes(stride), bias, y, rows, width, out, epilogue, first, end, scratch);
}

/** Some panels of one row, two at a time. */
function addPanels(
  kind: i32,
  weights: usize,
  last: usize,
  x: usize,
  bias: usize,
  y: usize,
  width: i32,
  out: i32,
  epilogue: i32,
  first: i32,
  end: i32,
): void {
  const ofPanel = bytesOfPanel(kind, width);
  const groups = count(width, GROUP);
  const upperHalves = halvesOf(kind);
  const nibble = nibbleOf(kind);
  const half = (end - first + 1) >> 1;
  const gap = bytes(half * PANEL);
  for (let panel = first; panel < first + half; panel++) {
    const w = weights + (panel as usize) * ofPanel;
    const lanes = out - panel * PANEL;
    const others = panel + half < end ? lanes - half * PANEL : 0;
    const apart = others ? (half as usize) * ofPanel : 0;
    const b = bias ? bias + bytes(panel * PANEL) : 0;
    const to = y + bytes(panel * PANEL);
    if (kind === F32) addPanelsF32(w, apart, last, x, b, to, gap, width, lanes, others, epilogue);
    else if (kind === BF16) addPanelsBf16(w, apart, last, x, b, to, gap, width, lanes, others, epilogue, upperHalves);
    else if (kind === INT8) addPanelsOfIntegers<i8>(w, apart, last, x, b, to, gap, groups, lanes, others, epilogue, nibble);
    else addPanelsOfIntegers<u8>(w, apart, last, x, b, to, gap, groups, lanes, others, epilogue, nibble);
  }
}

/** Some panels of several rows, x with `stride` bytes. */
function addRows(
  kind: i32,
  weights: usize,
  last: usize,
  x: usize,
  stride: usize,
  bias: usize,
  y: usize,
  rows: i32,
  width: i32,
  out: i32,
  epilogue: i32,
  first: i32,
  end: i32,
  scratch: usize,
): void {
  const ofPanel = bytesOfPanel(kind, width);
  const steps = kind > BF16 ? count(width, GROUP) : width;
  const mask = kind > BF16 ? nibbleOf(kind) : halvesOf(kind);
  for (let panel = first; panel < end; panel++) {
    multiplyRows(kind, weights + (panel as usize) * ofPanel, last, x, stride, rows, steps, scratch, mask);
    const b = bias ? bias + bytes(panel * PANEL) : 0;
    finishRows(scratch, b, y + bytes(panel * PANEL), bytes(out), rows, out - panel * PANEL, epilogue);
  }
}

/** 0xffff0000 in each word where weights are bfloat16; not known before, since V8 makes constants anew in every round of a loop. */
function halvesOf(kind: i32): v128 {
  return i32x4.splat(0xffff0000 + (kind - BF16));
}

/** 15 in each lane of 16 bits where weights have 4 bits. */
function nibbleOf(kind: i32): v128 {
  return i16x8.splat((15 * (kind - INT8)) as i16);
}

/** Bytes of a product in the table of {@link packedLinears}. */
const ENTRY: usize = 48;

/**
 * Several products that do not depend on each other as one, so that threads meet once: what {@link packedLinear} is given of each, and into how
 * many blocks it is cut, lies in a table of words.
 */
export function packedLinears(table: usize, block: i32, scratch: usize): void {
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
    scratch,
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
