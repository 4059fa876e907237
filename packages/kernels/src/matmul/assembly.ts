/**
 * AssemblyScript, see scripts/build-wasm.mjs. Products of matrices that lie in the imported memory.
 * Goto and van de Geijn 2008, "Anatomy of high-performance matrix multiplication": A and B are cut into blocks that stay
 * in a cache, copied into panels in the order in which the tile reads them, and multiplied tile by tile in registers.
 * Addresses count bytes; sizes and strides count floats.
 */
import { pack } from './assembly-pack';
import { gatherRows, rowsByColumns, rowsByRows } from './assembly-rows';
import { addTile, TILE_COLUMNS, TILE_ROWS, tile } from './assembly-tile';

/** Rows of A and columns of B in one block, and the depth of both: 128 KiB of A and 1 MiB of B. */
const BLOCK_ROWS: i32 = 128;
const BLOCK_COLUMNS: i32 = 1024;
const BLOCK_DEPTH: i32 = 256;
/** Up to this many rows of A, packing B costs more than it saves. */
const FEW_ROWS: i32 = 7;

function bytes(floats: i32): usize {
  return (floats as usize) << 2;
}

/** Bytes of a matrix, which may be more than an i32 holds. */
function bytesOf(rows: i32, columns: i32): usize {
  return ((rows as usize) * (columns as usize)) << 2;
}

function roundUp(value: i32, step: i32): i32 {
  return ((value + step - 1) / step) * step;
}

/** Bytes that {@link matMul} needs at `scratch`. */
export function matMulScratchBytes(m: i32, k: i32, n: i32): usize {
  const lanes = roundUp(min(m, BLOCK_ROWS), TILE_ROWS) + roundUp(min(n, BLOCK_COLUMNS), TILE_COLUMNS);
  return max(bytes(TILE_ROWS * TILE_COLUMNS) + bytesOf(lanes, min(k, BLOCK_DEPTH)), bytesOf(FEW_ROWS, k));
}

/** C = A B, `batch` times: A [m, k] or with transposeA [k, m], B [k, n] or with transposeB [n, k], C [m, n]. */
export function matMul(
  a: usize,
  b: usize,
  c: usize,
  batch: i32,
  m: i32,
  k: i32,
  n: i32,
  transposeA: bool,
  transposeB: bool,
  scratch: usize,
): void {
  for (let i: usize = 0; i < (batch as usize); i++) {
    const oneA = a + i * bytesOf(m, k);
    const oneB = b + i * bytesOf(k, n);
    const oneC = c + i * bytesOf(m, n);
    // a single column is the row of the transposed product Bᵀ Aᵀ, and a row needs no panels
    if (n === 1) multiplyFewRows(oneB, oneA, oneC, 1, k, m, false, !transposeA, scratch);
    else if (m <= FEW_ROWS) multiplyFewRows(oneA, oneB, oneC, m, k, n, transposeA, transposeB, scratch);
    else multiplyBlocks(oneA, oneB, oneC, m, k, n, transposeA, transposeB, scratch);
  }
}

function multiplyFewRows(a: usize, b: usize, c: usize, m: i32, k: i32, n: i32, transposeA: bool, transposeB: bool, scratch: usize): void {
  const apart = transposeA && m > 1;
  if (apart) gatherRows(a, scratch, m, k);
  const rows = apart ? scratch : a;
  if (transposeB) rowsByRows(rows, b, c, m, k, n);
  else rowsByColumns(rows, b, c, m, k, n);
}

function multiplyBlocks(a: usize, b: usize, c: usize, m: i32, k: i32, n: i32, transposeA: bool, transposeB: bool, scratch: usize): void {
  const panelsA = scratch + bytes(TILE_ROWS * TILE_COLUMNS);
  const panelsB = panelsA + bytesOf(roundUp(min(m, BLOCK_ROWS), TILE_ROWS), min(k, BLOCK_DEPTH));
  const acrossA = transposeA ? 1 : k;
  const alongA = transposeA ? m : 1;
  const acrossB = transposeB ? k : 1;
  const alongB = transposeB ? 1 : n;
  if (k === 0) memory.fill(c, 0, bytesOf(m, n));
  for (let column = 0; column < n; column += BLOCK_COLUMNS) {
    const columns = min(n - column, BLOCK_COLUMNS);
    for (let step = 0; step < k; step += BLOCK_DEPTH) {
      const depth = min(k - step, BLOCK_DEPTH);
      pack(b + bytesOf(column, acrossB) + bytesOf(step, alongB), panelsB, columns, depth, acrossB, alongB, TILE_COLUMNS);
      for (let row = 0; row < m; row += BLOCK_ROWS) {
        const rows = min(m - row, BLOCK_ROWS);
        pack(a + bytesOf(row, acrossA) + bytesOf(step, alongA), panelsA, rows, depth, acrossA, alongA, TILE_ROWS);
        multiplyPanels(panelsA, panelsB, c + bytesOf(row, n) + bytes(column), rows, columns, depth, n, step > 0, scratch);
      }
    }
  }
}

/** One block of C. A panel of B stays in the first cache while all panels of A pass it. */
function multiplyPanels(
  panelsA: usize,
  panelsB: usize,
  c: usize,
  rows: i32,
  columns: i32,
  depth: i32,
  width: i32,
  add: bool,
  spare: usize,
): void {
  const stride = bytes(width);
  for (let column = 0; column < columns; column += TILE_COLUMNS) {
    const panelB = panelsB + bytesOf(column, depth);
    for (let row = 0; row < rows; row += TILE_ROWS) {
      const panelA = panelsA + bytesOf(row, depth);
      const target = c + bytesOf(row, width) + bytes(column);
      if (rows - row >= TILE_ROWS && columns - column >= TILE_COLUMNS) {
        tile(panelA, panelB, target, depth, stride, add);
      } else {
        tile(panelA, panelB, spare, depth, bytes(TILE_COLUMNS), false);
        addTile(spare, target, min(rows - row, TILE_ROWS), min(columns - column, TILE_COLUMNS), stride, add);
      }
    }
  }
}
