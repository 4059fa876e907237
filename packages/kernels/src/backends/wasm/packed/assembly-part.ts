/** AssemblyScript. A part of a product of many rows with packed weights, from what is there before to what becomes of it. */
import { multiplyBlock, Product } from '../../../operations/matmul/wasm/assembly-block';
import { siluX4 } from '../vector-math/assembly-exp';
import { bytes, loadLanes, storeLanes } from '../vector-math/assembly-lanes';
import { ADD, SILU } from './assembly-floats';
import { BF16, wordsOf } from './assembly-unpack';

/** What {@link packedProduct} of assembly.ts is given. */
export function setProduct(
  p: Product,
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
): void {
  const words = wordsOf(kind, width);
  p.setPacked(kind, x, kind > BF16 ? words : stride, weights, y, rows, words, out, epilogue === ADD || bias !== 0);
}

/** Some rows and columns of y, with bias [out] or 0, and `epilogue` ADD, SILU or 0. */
export function multiplyPart(p: Product, bias: usize, epilogue: i32, row: i32, rows: i32, column: i32, columns: i32, scratch: usize): void {
  preparePart(p, bias, epilogue, row, rows, column, columns);
  multiplyBlock(p, row, rows, column, columns, scratch);
  finishPart(p, epilogue, row, rows, column, columns);
}

/** The bias, which a product is added to. */
export function preparePart(p: Product, bias: usize, epilogue: i32, row: i32, rows: i32, column: i32, columns: i32): void {
  if (bias) for (let i = row; i < row + rows; i++) addBias(bias + bytes(column), p.cAt(i, column), columns, epilogue === ADD);
}

/** y = bias, or y += bias. */
function addBias(bias: usize, y: usize, columns: i32, add: bool): void {
  for (let i = 0; i < columns; i += 4) {
    const value = loadLanes(bias + bytes(i), columns - i);
    storeLanes(y + bytes(i), add ? f32x4.add(value, loadLanes(y + bytes(i), columns - i)) : value, columns - i);
  }
}

/** What becomes of a product. */
export function finishPart(p: Product, epilogue: i32, row: i32, rows: i32, column: i32, columns: i32): void {
  if (epilogue === SILU) for (let i = row; i < row + rows; i++) activate(p.cAt(i, column), columns);
}

/** y = silu(y). */
function activate(y: usize, columns: i32): void {
  for (let i = 0; i < columns; i += 4) storeLanes(y + bytes(i), siluX4(loadLanes(y + bytes(i), columns - i)), columns - i);
}
