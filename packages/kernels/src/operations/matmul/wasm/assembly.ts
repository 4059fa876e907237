/**
 * AssemblyScript, see scripts/build-wasm.mjs. Products of matrices that lie in the imported memory, block by block of C.
 * Goto and van de Geijn 2008, "Anatomy of high-performance matrix multiplication": A and B are cut into parts that stay
 * in a cache, copied into panels in the order in which the tile reads them, and multiplied tile by tile in registers.
 * Addresses count bytes; sizes and strides count floats. How C is cut depends on the sizes alone, and every sum lies in one block.
 */
import { bytes } from '../../../backends/wasm/vector-math/assembly-lanes';
import { multiplyBlock, multiplyFewRows, Product, scratchOfBlock, scratchOfFewRows } from './assembly-block';
import { blockOfManyRows, count, WORTH_A_BLOCK, work } from './assembly-sizes';

/** Up to this many rows of A, packing B costs more than it saves. */
const FEW_ROWS: i32 = 7;
/** Columns of a block where rows are few and B is read row by row: shorter runs of memory come slower. */
const LONG_RUN: i32 = 512;

function blockOfFewRows(m: i32, k: i32): i64 {
  const columns = max(LONG_RUN as i64, WORTH_A_BLOCK / 2 / max(1, work(m, k, 1)));
  return ((m as i64) << 32) | ((min(columns, 1 << 20) + 15) & ~15);
}

function blockOf(m: i32, k: i32, n: i32): i64 {
  return m <= FEW_ROWS ? blockOfFewRows(m, k) : blockOfManyRows(m, k, n);
}

/** A single column is the row of the transposed product Bᵀ Aᵀ, which needs no panels. */
function isColumn(m: i32, n: i32): bool {
  return n === 1 && m > 1;
}

/** Products of a batch that one block holds, where each is small. */
function itemsOfBlock(m: i32, k: i32, n: i32): i32 {
  return max(1, WORTH_A_BLOCK / max(1, work(m, k, n))) as i32;
}

function blocksOfItem(m: i32, k: i32, n: i32): i32 {
  const block = blockOf(m, k, n);
  return count(m, (block >> 32) as i32) * count(n, block as i32);
}

/** Into how many blocks {@link matMul} cuts its work. */
export function matMulBlocks(batch: i32, m: i32, k: i32, n: i32): i32 {
  if (isColumn(m, n)) return matMulBlocks(batch, 1, k, m);
  const ofItem = blocksOfItem(m, k, n);
  return ofItem > 1 ? batch * ofItem : count(batch, itemsOfBlock(m, k, n));
}

/** Bytes that {@link matMul} needs at `scratch`. */
export function matMulScratchBytes(m: i32, k: i32, n: i32): usize {
  if (isColumn(m, n)) return matMulScratchBytes(1, k, m);
  if (m <= FEW_ROWS) return scratchOfFewRows(m, k);
  const block = blockOf(m, k, n);
  return scratchOfBlock((block >> 32) as i32, k, block as i32);
}

/** One block of C = A B, or with `add` of C += A B, `batch` times: A [m, k] or with transposeA [k, m], B [k, n] or with transposeB [n, k], C [m, n]. */
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
  add: bool,
  block: i32,
  scratch: usize,
): void {
  if (isColumn(m, n)) {
    matMul(b, a, c, batch, 1, k, m, !transposeB, !transposeA, add, block, scratch);
    return;
  }
  const ofItem = blocksOfItem(m, k, n);
  const items = ofItem > 1 ? 1 : itemsOfBlock(m, k, n);
  const first = ofItem > 1 ? block / ofItem : block * items;
  const part = ofItem > 1 ? block % ofItem : 0;
  const p = changetype<Product>(scratch);
  for (let item = first; item < min(batch, first + items); item++) {
    p.set(a, b, c, item, m, k, n, transposeA, transposeB);
    p.add = add;
    multiplyPart(p, part, scratch + offsetof<Product>());
  }
}

/** Blocks lie row by row. */
function multiplyPart(p: Product, part: i32, scratch: usize): void {
  const size = blockOf(p.m, p.k, p.n);
  const rows = (size >> 32) as i32;
  const columns = size as i32;
  const across = count(p.n, columns);
  const row = (part / across) * rows;
  const column = (part % across) * columns;
  if (p.m <= FEW_ROWS) multiplyFewRows(p, column, min(columns, p.n - column), scratch);
  else multiplyBlock(p, row, min(rows, p.m - row), column, min(columns, p.n - column), scratch);
  if (p.k === 0 && !p.add) clear(p, row, min(rows, p.m - row), column, min(columns, p.n - column));
}

/** An empty sum. */
function clear(p: Product, row: i32, rows: i32, column: i32, columns: i32): void {
  for (let i = row; i < row + rows; i++) memory.fill(p.cAt(i, column), 0, bytes(columns));
}
