/** AssemblyScript. One block of a product: many rows through panels, few rows straight from where they lie. */

import { BF16, GROUP_WORDS, unpackPanels } from '../packed-linear/assembly-unpack';
import { bytes } from '../vector-math/assembly-lanes';
import { pack } from './assembly-pack';
import { gatherRows, rowsByColumns, rowsByRows } from './assembly-rows';
import { roundUp } from './assembly-sizes';
import { addTile, TILE_COLUMNS, TILE_ROWS, tile, tileOfGroups } from './assembly-tile';

/** Rows of A that are packed at a time, and steps of A and B: 128 KiB of A. Of whole numbers so many groups. */
const PANEL_ROWS: i32 = 128;
const DEPTH: i32 = 256;
const DEPTH_OF_GROUPS: i32 = 16 * GROUP_WORDS;

/** Bytes of a matrix, which may be more than an i32 holds. */
function bytesOf(rows: i32, columns: i32): usize {
  return ((rows as usize) * (columns as usize)) << 2;
}

/** B lies as a matrix, not in panels of packed weights. */
const PLAIN: i32 = -1;

/** C = A B of one item of a batch; lies in scratch. */
@unmanaged
export class Product {
  a: usize;
  b: usize;
  c: usize;
  m: i32;
  k: i32;
  n: i32;
  transposeA: bool;
  transposeB: bool;
  /** Floats from one row of A, as it lies, to the next. */
  pitch: i32;
  /** Of which type the packed weights are that B is the transpose of, see packed-linear/assembly-unpack.ts. */
  kind: i32;
  /** Whether C grows by the product. */
  add: bool;

  set(a: usize, b: usize, c: usize, item: i32, m: i32, k: i32, n: i32, transposeA: bool, transposeB: bool): void {
    this.a = a + (item as usize) * bytesOf(m, k);
    this.b = b + (item as usize) * bytesOf(k, n);
    this.c = c + (item as usize) * bytesOf(m, n);
    this.m = m;
    this.k = k;
    this.n = n;
    this.transposeA = transposeA;
    this.transposeB = transposeB;
    this.pitch = transposeA ? m : k;
    this.kind = PLAIN;
    this.add = false;
  }

  /** C = A Bᵀ, or C += A Bᵀ, with packed weights B [n, k]. A has rows `pitch` floats apart. With whole numbers k counts words, see packed-linear/assembly-unpack.ts. */
  setPacked(kind: i32, a: usize, pitch: i32, b: usize, c: usize, m: i32, k: i32, n: i32, add: bool): void {
    this.set(a, b, c, 0, m, k, n, false, true);
    this.pitch = pitch;
    this.kind = kind;
    this.add = add;
  }

  /** Address of one value of C, and where a step of a row of A and of a column of B lies. */
  cAt(row: i32, column: i32): usize {
    return this.c + bytesOf(row, this.n) + bytes(column);
  }
  aAt(row: i32, step: i32): usize {
    return this.transposeA ? this.a + bytesOf(step, this.pitch) + bytes(row) : this.a + bytesOf(row, this.pitch) + bytes(step);
  }
  /** Some columns and steps of B in panels of {@link TILE_COLUMNS}. */
  packB(to: usize, column: i32, columns: i32, step: i32, depth: i32): void {
    if (this.kind !== PLAIN) unpackPanels(this.kind, this.b, this.k, column, columns, step, depth, to);
    else if (this.transposeB) pack(this.bAt(step, column), to, columns, depth, this.k, 1, TILE_COLUMNS);
    else pack(this.bAt(step, column), to, columns, depth, 1, this.n, TILE_COLUMNS);
  }
  bAt(step: i32, column: i32): usize {
    return this.transposeB ? this.b + bytesOf(column, this.k) + bytes(step) : this.b + bytesOf(step, this.n) + bytes(column);
  }
}

/** Bytes that {@link multiplyFewRows} needs, {@link Product} included. */
export function scratchOfFewRows(m: i32, k: i32): usize {
  return offsetof<Product>() + bytesOf(m, k);
}

/** Some columns of C, whose rows are few. */
export function multiplyFewRows(p: Product, column: i32, columns: i32, scratch: usize): void {
  const apart = p.transposeA && p.m > 1;
  if (apart) gatherRows(p.a, scratch, p.m, p.k);
  const rows = apart ? scratch : p.a;
  if (p.transposeB) rowsByRows(rows, p.bAt(0, column), p.cAt(0, column), p.m, p.k, columns, p.n, p.add);
  else rowsByColumns(rows, p.bAt(0, column), p.cAt(0, column), p.m, p.k, columns, p.n, p.add);
}

/** Bytes that {@link multiplyBlock} needs for a block of so many rows and columns, {@link Product} included. */
export function scratchOfBlock(rows: i32, k: i32, columns: i32): usize {
  const lanes = roundUp(min(rows, PANEL_ROWS), TILE_ROWS) + roundUp(columns, TILE_COLUMNS);
  return offsetof<Product>() + bytes(TILE_ROWS * TILE_COLUMNS) + bytesOf(lanes, min(k, DEPTH_OF_GROUPS));
}

/** Some rows and columns of C. */
export function multiplyBlock(p: Product, row: i32, rows: i32, column: i32, columns: i32, scratch: usize): void {
  const panelsA = scratch + bytes(TILE_ROWS * TILE_COLUMNS);
  const most = p.kind > BF16 ? DEPTH_OF_GROUPS : DEPTH;
  const panelsB = panelsA + bytesOf(roundUp(min(rows, PANEL_ROWS), TILE_ROWS), min(p.k, most));
  const acrossA = p.transposeA ? 1 : p.pitch;
  const alongA = p.transposeA ? p.pitch : 1;
  for (let step = 0; step < p.k; step += most) {
    const depth = min(p.k - step, most);
    p.packB(panelsB, column, columns, step, depth);
    for (let i = row; i < row + rows; i += PANEL_ROWS) {
      const some = min(row + rows - i, PANEL_ROWS);
      pack(p.aAt(i, step), panelsA, some, depth, acrossA, alongA, TILE_ROWS);
      multiplyPanels(p.kind, panelsA, panelsB, p.cAt(i, column), some, columns, depth, p.n, p.add || step > 0, scratch);
    }
  }
}

/** A panel of B stays in the first cache while all panels of A pass it. */
function multiplyPanels(
  kind: i32,
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
        multiplyTile(kind, panelA, panelB, target, depth, stride, add);
      } else {
        multiplyTile(kind, panelA, panelB, spare, depth, bytes(TILE_COLUMNS), false);
        addTile(spare, target, min(rows - row, TILE_ROWS), min(columns - column, TILE_COLUMNS), stride, add);
      }
    }
  }
}

function multiplyTile(kind: i32, a: usize, b: usize, c: usize, depth: i32, stride: usize, add: bool): void {
  if (kind > BF16) tileOfGroups(a, b, c, depth / GROUP_WORDS, stride, add);
  else tile(a, b, c, depth, stride, add);
}
