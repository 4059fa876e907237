/** AssemblyScript. Into which blocks a product is cut: by its sizes alone, so that threads change no bit of it. */
import { FEWER_ROWS, PANEL_COLUMNS } from './assembly-tile';

/** The largest block of C: its part of B and the panels of A take little more than half of a second cache of 1 MiB, since pages that lie anywhere do not fill one evenly. */
const MOST_ROWS: i32 = 264;
const MOST_COLUMNS: i32 = 256;
const LEAST_ROWS: i32 = 32;
const LEAST_COLUMNS: i32 = 64;
/** So many blocks are enough for several threads to end together. */
const ENOUGH_BLOCKS: i32 = 8;
/** Multiplications that are worth a block of their own, some 50 µs; half as many where few rows wait for memory. */
export const WORTH_A_BLOCK: i64 = 1 << 20;

export function count(size: i32, step: i32): i32 {
  return (size + step - 1) / step;
}

export function roundUp(value: i32, step: i32): i32 {
  return count(value, step) * step;
}

export function work(rows: i32, k: i32, columns: i32): i64 {
  return (rows as i64) * (k as i64) * (columns as i64);
}

/** Sizes of a block of C for a product with many rows: upper half rows, lower half columns. Blocks are as even as can be. */
export function blockOfManyRows(m: i32, k: i32, n: i32): i64 {
  let rows = evenPart(m, count(m, MOST_ROWS), FEWER_ROWS);
  let columns = evenPart(n, count(n, MOST_COLUMNS), PANEL_COLUMNS);
  while (count(m, rows) * count(n, columns) < ENOUGH_BLOCKS && work(rows, k, columns) > 2 * WORTH_A_BLOCK) {
    if (rows >= columns && rows > LEAST_ROWS) rows = evenPart(m, 2 * count(m, rows), FEWER_ROWS);
    else if (columns > LEAST_COLUMNS) columns = evenPart(n, 2 * count(n, columns), PANEL_COLUMNS);
    else break;
  }
  return ((rows as i64) << 32) | (columns as i64);
}

/** The size of each of some parts, up to the next multiple. */
export function evenPart(size: i32, parts: i32, multiple: i32): i32 {
  return roundUp(count(size, parts), multiple);
}
