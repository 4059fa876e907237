/** AssemblyScript. One block of a product: many rows through panels, few rows straight from where they lie. */

import { BF16, F32, GROUP_WORDS, unpackPanels } from '../../../backends/wasm/packed/assembly-unpack';
import { bytes } from '../../../backends/wasm/vector-math/assembly-lanes';
import { pack } from './assembly-pack';
import { gatherRows, rowsByColumns, rowsByRows } from './assembly-rows';
import { roundUp } from './assembly-sizes';
import { ADD, addTile, FEWER_ROWS, PANEL_COLUMNS, rowsInSixes, SET, TILE_COLUMNS, TILE_ROWS, tile, tileOfGroups } from './assembly-tile';

/** Rows of A that are packed at a time, and steps of A and B: some 200 KiB of A. With quantized weights, so many groups. */
const PANEL_ROWS: i32 = 132;
const DEPTH: i32 = 384;
const DEPTH_OF_GROUPS: i32 = 16 * GROUP_WORDS;

/** Bytes of a matrix, which may be more than an i32 holds. */
export function bytesOf(rows: i32, columns: i32): usize {
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

  /** C = A Bᵀ, or C += A Bᵀ, with packed weights B [n, k]. A has rows `pitch` floats apart. With quantized weights k counts words, and the rows of A lie in fours, see packActivations. */
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
  /** Some columns and steps of B in panels, at `to` where they do not lie so. Gives where. */
  panelsOfB(to: usize, column: i32, columns: i32, step: i32, depth: i32): usize {
    if (this.kind === F32) return this.b + bytesOf(column, this.k) + bytesOf(step, PANEL_COLUMNS);
    if (this.kind !== PLAIN) unpackPanels(this.kind, this.b, this.k, column, columns, step, depth, to);
    else if (this.transposeB) pack(this.bAt(step, column), to, columns, depth, this.k, 1, PANEL_COLUMNS);
    else pack(this.bAt(step, column), to, columns, depth, 1, this.n, PANEL_COLUMNS);
    return to;
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

/** Bytes that {@link multiplyBlock} needs for a block of `rows` × `columns`, {@link Product} included. */
export function scratchOfBlock(rows: i32, k: i32, columns: i32): usize {
  const lanes = roundUp(min(rows, PANEL_ROWS), FEWER_ROWS) + roundUp(columns, PANEL_COLUMNS);
  return offsetof<Product>() + bytes(TILE_ROWS * TILE_COLUMNS) + bytesOf(lanes, min(k, DEPTH));
}

/** Some rows and columns of C. */
export function multiplyBlock(p: Product, row: i32, rows: i32, column: i32, columns: i32, scratch: usize): void {
  const panelsA = scratch + bytes(TILE_ROWS * TILE_COLUMNS);
  const isWhole = p.kind > BF16;
  const most = isWhole ? DEPTH_OF_GROUPS : DEPTH;
  const ownPanelsB = panelsA + bytesOf(roundUp(min(rows, PANEL_ROWS), FEWER_ROWS), min(p.k, most));
  const acrossA = p.transposeA ? 1 : p.pitch;
  const alongA = p.transposeA ? p.pitch : 1;
  for (let step = 0; step < p.k; step += most) {
    const depth = min(p.k - step, most);
    const pitchB = p.kind === F32 ? p.k : depth;
    const panelsB = p.panelsOfB(ownPanelsB, column, columns, step, depth);
    for (let i = row; i < row + rows; i += PANEL_ROWS) {
      const some = min(row + rows - i, PANEL_ROWS);
      const add = p.add || step > 0;
      if (isWhole) {
        const groups = p.a + bytesOf(i, p.k) + bytes(step * FEWER_ROWS);
        multiplyPanels(true, groups, p.k, panelsB, pitchB, p.cAt(i, column), some, 0, columns, depth, p.n, add, scratch);
        continue;
      }
      const sixes = rowsInSixes(some);
      pack(p.aAt(i, step), panelsA, min(sixes, some), depth, acrossA, alongA, TILE_ROWS);
      pack(p.aAt(i + sixes, step), panelsA + bytesOf(sixes, depth), some - sixes, depth, acrossA, alongA, FEWER_ROWS);
      multiplyPanels(false, panelsA, depth, panelsB, pitchB, p.cAt(i, column), some, sixes, columns, depth, p.n, add, scratch);
    }
  }
}

/** A panel of B, the next one `pitchB` steps behind it, stays in the first cache while all panels of A, `pitchA` steps long, pass it. */
function multiplyPanels(
  isWhole: bool,
  panelsA: usize,
  pitchA: i32,
  panelsB: usize,
  pitchB: i32,
  c: usize,
  rows: i32,
  sixes: i32,
  columns: i32,
  depth: i32,
  width: i32,
  add: bool,
  spare: usize,
): void {
  const stride = bytes(width);
  const ofPanel = isWhole ? TILE_COLUMNS : PANEL_COLUMNS;
  for (let column = 0; column < columns; column += TILE_COLUMNS) {
    const inPanel = column % ofPanel;
    const panelB = panelsB + bytesOf(column - inPanel, pitchB) + bytes(inPanel);
    for (let row = 0, height = 0; row < rows; row += height) {
      height = row < sixes ? TILE_ROWS : FEWER_ROWS;
      const panelA = panelsA + bytesOf(row, pitchA);
      const target = c + bytesOf(row, width) + bytes(column);
      if (rows - row >= height && columns - column >= TILE_COLUMNS) {
        multiplyTile(isWhole, height, panelA, panelB, target, depth, stride, add);
      } else {
        multiplyTile(isWhole, height, panelA, panelB, spare, depth, bytes(TILE_COLUMNS), false);
        addTile(spare, target, min(rows - row, height), min(columns - column, TILE_COLUMNS), stride, add ? ADD : SET);
      }
    }
  }
}

function multiplyTile(isWhole: bool, height: i32, a: usize, b: usize, c: usize, depth: i32, stride: usize, add: bool): void {
  if (isWhole) tileOfGroups(a, b, c, depth / GROUP_WORDS, stride, add);
  else tile(height, a, b, c, depth, stride, add);
}
