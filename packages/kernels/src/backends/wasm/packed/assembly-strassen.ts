/**
 * AssemblyScript. Products of many rows with float32 weights by Strassen multiplication: Strassen 1969, "Gaussian elimination is not
 * optimal". As in Huang et al. 2016, "Strassen's algorithm reloaded", sums of quarters of x and of the weights are made where panels are made, and tiles are added to
 * one or two quarters of y. Rounding errors grow to about twice those of eight products. They are small beside what both rows that meet in a sum give, so rows must
 * be of like size, and beside the weights of both outputs that meet.
 */
import { bytesOf, Product, scratchOfBlock } from '../../../operations/matmul/wasm/assembly-block';
import { pack } from '../../../operations/matmul/wasm/assembly-pack';
import { count, evenPart, roundUp } from '../../../operations/matmul/wasm/assembly-sizes';
import {
  ADD,
  addTile,
  FEWER_ROWS,
  PANEL_COLUMNS,
  rowsInSixes,
  SET,
  SUBTRACT,
  TILE_COLUMNS,
  TILE_ROWS,
  tile,
} from '../../../operations/matmul/wasm/assembly-tile';
import { bytes } from '../vector-math/assembly-lanes';
import { madd } from '../vector-math/assembly-madd';
import { finishPart, multiplyPart, preparePart, setProduct } from './assembly-part';
import { isMinus, quarterAt, termOf, WEIGHTS, X, Y } from './assembly-quarters';
import { bytesOfPanel, F32 } from './assembly-unpack';

/** From these sizes on seven products take less time. */
const LEAST_ROWS: i32 = 128;
const LEAST_INPUTS: i32 = 512;
const LEAST_OUTPUTS: i32 = 512;
/** The largest part of y that is computed at a time: rows, a multiple of both heights of a tile, and columns of each half; and how many parts are enough for threads to end together. */
const PART_ROWS: i32 = 264;
const PART_COLUMNS: i32 = 192;
const ENOUGH_PARTS: i32 = 8;
/** Steps of a product at a time: a panel of weights stays in the first cache, or comes from the second as fast as it is needed. */
const DEPTH: i32 = 768;
const PRODUCTS: i32 = 7;
/** Sums of values below this size are finite. */
const LARGE: f32 = 1e37;
/** How much larger than the other a row may be with which it meets. */
const MOST_RATIO: f32 = 16;

/** Whether this is a product for {@link strassenProduct}. */
export function strassenApplies(rows: i32, width: i32, out: i32): bool {
  const isLarge = rows >= LEAST_ROWS && width >= LEAST_INPUTS && out >= LEAST_OUTPUTS;
  return isLarge && width % 8 === 0 && out % (2 * PANEL_COLUMNS) === 0;
}

function bytesOfSum(rows: i32, width: i32): usize {
  return bytes(width >> 1) * (roundUp(rows >> 1, FEWER_ROWS) as usize);
}

/** Bytes of what {@link packSums} makes. */
export function packedSumsBytes(rows: i32, width: i32): usize {
  return (PRODUCTS as usize) * bytesOfSum(rows, width) + bytes(packSumsBlocks(rows));
}

/** Into how many blocks {@link packSums} cuts its work. */
export function packSumsBlocks(rows: i32): i32 {
  return PRODUCTS * count(rows >> 1, PART_ROWS);
}

/** Bytes that {@link packSums} needs at `scratch`. */
export function packSumsScratchBytes(width: i32): usize {
  return bytes(TILE_ROWS * (width >> 1));
}

/**
 * The sums of quarters of x [rows, width], `stride` floats from row to row, in the panels that tiles read; of an odd number of rows the last is left out. Behind
 * them, for each block, whether a value is so large, or no number, or a row so much larger than another, that a sum could spoil the rows it has no part in.
 */
export function packSums(x: usize, stride: i32, to: usize, rows: i32, width: i32, block: i32, scratch: usize): void {
  const depth = width >> 1;
  const half = rows >> 1;
  const parts = count(half, PART_ROWS);
  const product = block / parts;
  const first = (block % parts) * PART_ROWS;
  const some = min(PART_ROWS, half - first);
  const sixes = rowsInSixes(some);
  const padded = roundUp(some, FEWER_ROWS);
  const start = x + bytes(first * stride);
  const one = quarterAt(termOf(product, X), start, bytes(half * stride), bytes(depth));
  const two = quarterAt(termOf(product, X - 4), start, bytes(half * stride), bytes(depth));
  const sign: f32 = two === 0 ? 0 : isMinus(termOf(product, X - 4)) ? -1 : 1;
  const target = to + (product as usize) * bytesOfSum(rows, width) + bytesOf(first, depth);
  let isFine = true;
  for (let row = 0, height = 0; row < some; row += height) {
    height = row < sixes ? TILE_ROWS : FEWER_ROWS;
    const there = min(height, some - row);
    for (let i = 0; i < there; i++) {
      const from = bytes((row + i) * stride);
      if (product === 0 && !areAlike(largestSize(start + from, width), largestSize(start + from + bytes(half * stride), width)))
        isFine = false;
      if (!addRows(one + from, (two || one) + from, sign, scratch + bytes(i * depth), depth)) isFine = false;
    }
    for (let step = 0; step < depth; step += DEPTH) {
      const steps = min(DEPTH, depth - step);
      pack(scratch + bytes(step), target + bytesOf(step, padded) + bytes(row * steps), there, steps, depth, 1, height);
    }
  }
  store<i32>(to + (PRODUCTS as usize) * bytesOfSum(rows, width) + bytes(block), isFine ? 0 : 1);
}

function areAlike(one: f32, other: f32): bool {
  return max(one, other) <= MOST_RATIO * min(one, other);
}

/** Of a multiple of 4 values; of numbers, see {@link addRows} for others. */
function largestSize(x: usize, size: i32): f32 {
  let sizes = f32x4.splat(0);
  let left = size;
  do {
    sizes = f32x4.pmax(sizes, f32x4.abs(v128.load(x)));
    x += 16;
    left -= 4;
  } while (left > 0);
  const pairs = f32x4.pmax(sizes, v128.shuffle<f32>(sizes, sizes, 2, 3, 0, 1));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/** x + sign · y of `size` values, a multiple of 4. Gives whether all are below {@link LARGE} in size. */
function addRows(x: usize, y: usize, sign: f32, to: usize, size: i32): bool {
  const signs = f32x4.splat(sign);
  const large = f32x4.splat(LARGE);
  let fine = f32x4.eq(signs, signs);
  let left = size;
  do {
    const sum = madd(signs, v128.load(y), v128.load(x));
    v128.store(to, sum);
    fine = v128.and(fine, f32x4.lt(f32x4.abs(sum), large));
    x += 16;
    y += 16;
    to += 16;
    left -= 4;
  } while (left > 0);
  return i32x4.all_true(fine);
}

/** How many columns of each half of y a part has. */
function columnsOfPart(rows: i32, out: i32): i32 {
  const down = count(rows >> 1, PART_ROWS);
  const across = max(count(out >> 1, PART_COLUMNS), count(ENOUGH_PARTS, down));
  return evenPart(out >> 1, across, PANEL_COLUMNS);
}

/** Into how many blocks {@link strassenProduct} cuts y. */
export function strassenProductBlocks(rows: i32, out: i32): i32 {
  return count(rows >> 1, PART_ROWS) * count(out >> 1, columnsOfPart(rows, out));
}

/** Bytes that {@link strassenProduct} needs at `scratch`. */
export function strassenProductScratchBytes(rows: i32, width: i32, out: i32): usize {
  const ofPanel = bytes(TILE_ROWS * TILE_COLUMNS + PANEL_COLUMNS * DEPTH);
  return offsetof<Product>() + max(ofPanel, scratchOfBlock(PART_ROWS, width, columnsOfPart(rows, out)));
}

/** As packedProduct of assembly.ts, with what {@link packSums} made of x: some rows of both halves of y, and some columns of both. */
export function strassenProduct(
  weights: usize,
  sums: usize,
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
  const half = rows >> 1;
  const columns = columnsOfPart(rows, out);
  const across = count(out >> 1, columns);
  const p = changetype<Product>(scratch);
  setProduct(p, F32, weights, x, stride, bias, y, rows, width, out, epilogue);
  const spare = scratch + offsetof<Product>();
  const row = (block / across) * PART_ROWS;
  const column = (block % across) * columns;
  const some = min(PART_ROWS, half - row);
  const breadth = min(columns, (out >> 1) - column);
  const isPlain = hasLarge(sums, rows, width);
  for (let q = 0; q < 4; q++) {
    const top = row + (q < 2 ? 0 : half);
    const left = column + (q % 2 === 0 ? 0 : out >> 1);
    if (isPlain) multiplyPart(p, bias, epilogue, top, some, left, breadth, spare);
    else preparePart(p, bias, epilogue, top, some, left, breadth);
    if (q < 2 && row === 0 && rows % 2 === 1) multiplyPart(p, bias, epilogue, rows - 1, 1, left, breadth, spare);
  }
  if (isPlain) return;
  for (let product = 0; product < PRODUCTS; product++)
    multiplySums(p, product, sums + (product as usize) * bytesOfSum(rows, width), row, some, column, breadth, spare);
  for (let q = 0; q < 4; q++) finishPart(p, epilogue, row + (q < 2 ? 0 : half), some, column + (q % 2 === 0 ? 0 : out >> 1), breadth);
}

function hasLarge(sums: usize, rows: i32, width: i32): bool {
  const flags = sums + (PRODUCTS as usize) * bytesOfSum(rows, width);
  let large = 0;
  for (let block = 0; block < packSumsBlocks(rows); block++) large |= load<i32>(flags + bytes(block));
  return large !== 0;
}

/** One of the seven products, for a part of y. */
function multiplySums(p: Product, product: i32, sums: usize, row: i32, rows: i32, column: i32, columns: i32, spare: usize): void {
  const depth = p.k >> 1;
  const panel = spare + bytes(TILE_ROWS * TILE_COLUMNS);
  const panels = p.b + ((column / PANEL_COLUMNS) as usize) * bytesOfPanel(F32, p.k);
  const right = ((p.n / 2 / PANEL_COLUMNS) as usize) * bytesOfPanel(F32, p.k);
  const lower = bytes(depth * PANEL_COLUMNS);
  for (let step = 0; step < depth; step += DEPTH) {
    const steps = min(DEPTH, depth - step);
    for (let c = 0; c < columns; c += PANEL_COLUMNS) {
      const start = panels + ((c / PANEL_COLUMNS) as usize) * bytesOfPanel(F32, p.k) + bytes(step * PANEL_COLUMNS);
      const one = quarterAt(termOf(product, WEIGHTS), start, lower, right);
      const two = quarterAt(termOf(product, WEIGHTS - 4), start, lower, right);
      if (two) addRows(one, two, isMinus(termOf(product, WEIGHTS - 4)) ? -1 : 1, panel, steps * PANEL_COLUMNS);
      multiplyPanel(
        p,
        product,
        sums + bytesOf(row, depth) + bytesOf(step, roundUp(rows, FEWER_ROWS)),
        two ? panel : one,
        step === 0,
        steps,
        row,
        rows,
        column + c,
        spare,
      );
    }
  }
}

/** All rows of a part through one panel of weights. */
function multiplyPanel(
  p: Product,
  product: i32,
  sums: usize,
  panel: usize,
  isFirst: bool,
  steps: i32,
  row: i32,
  rows: i32,
  column: i32,
  spare: usize,
): void {
  const sixes = rowsInSixes(rows);
  const stride = bytes(p.n);
  const right = stride >> 1;
  const lower = ((p.m >> 1) as usize) * stride;
  const one = termOf(product, Y);
  const two = termOf(product, Y - 4);
  const isNew = isFirst && !p.add;
  for (let i = 0, height = 0; i < rows; i += height) {
    height = i < sixes ? TILE_ROWS : FEWER_ROWS;
    for (let left = 0; left < PANEL_COLUMNS; left += TILE_COLUMNS) {
      tile(height, sums + bytes(i * steps), panel + bytes(left), spare, steps, bytes(TILE_COLUMNS), false);
      const target = p.cAt(row + i, column + left);
      const there = min(height, rows - i);
      addTile(spare, quarterAt(one, target, lower, right), there, TILE_COLUMNS, stride, isNew && product < 3 ? SET : howOf(one));
      if (two) addTile(spare, quarterAt(two, target, lower, right), there, TILE_COLUMNS, stride, isNew && product === 0 ? SET : howOf(two));
    }
  }
}

function howOf(term: i32): i32 {
  return isMinus(term) ? SUBTRACT : ADD;
}
