/**
 * AssemblyScript. A panel of 16 outputs for a few rows: what is loaded of its weights is multiplied with four rows, or two. Every sum is made in the
 * order of assembly-floats.ts and assembly-integers.ts, so that a row has the bits that it has alone.
 */
import { bytes } from '../vector-math/assembly-lanes';
import { finish, prefetchPage } from './assembly-floats';
import { multiplySteps } from './assembly-rows-of-floats';
import { multiplyGroup, multiplyTwoRows } from './assembly-rows-of-integers';
import { BF16, bytesOfGroup, F32, INT8 } from './assembly-unpack';

/** Rows whose integers lie side by side, word by word, see assembly-activations.ts. */
export const TOGETHER: i32 = 4;
/** Bytes of a row's sums of a panel, and of a group of four rows of integers. */
const SUMS: usize = 64;
const ROWS_GROUP: usize = 288;

/** Size in bytes of the sums of `rows` rows. */
export function sumsBytes(rows: i32): usize {
  return (((rows + TOGETHER - 1) / TOGETHER) as usize) * (TOGETHER as usize) * SUMS;
}

/**
 * The products of `rows` rows with a panel, each 16 sums at `sums`. x as packedLinear of assembly.ts has it, `stride` bytes from row to row in float32;
 * `steps` inputs, or for integers groups. `mask` is 0xffff0000 in each word for bfloat16, and 15 in each lane of 16 bits for integers.
 */
export function multiplyRows(
  kind: i32,
  w: usize,
  last: usize,
  x: usize,
  stride: usize,
  rows: i32,
  steps: i32,
  sums: usize,
  mask: v128,
): void {
  memory.fill(sums, 0, sumsBytes(rows));
  if (kind > BF16) multiplyAllGroups(kind, w, last, x, rows, steps, sums, mask);
  else multiplyAllSteps(kind, w, last, x, stride, rows, steps, sums, mask);
}

/** Group by group, so that memory is asked for weights as evenly as they are multiplied. */
function multiplyAllGroups(kind: i32, w: usize, last: usize, x: usize, rows: i32, groups: i32, sums: usize, nibble: v128): void {
  const inPage = kind === INT8 ? 8 : 14;
  const apart = (groups as usize) * ROWS_GROUP;
  const atOnce = rows > 2 ? 1 : inPage;
  for (let group = 0; group < groups; group += atOnce) {
    if (group % inPage === 0) prefetchPage(w, last);
    const some = min(atOnce, groups - group);
    if (rows > 2) multiplyGroup(kind, w, x, apart, rows, sums, nibble);
    else multiplyTwoRows(kind, w, x, some, sums, nibble);
    w += (some as usize) * bytesOfGroup(kind);
    x += (some as usize) * ROWS_GROUP;
  }
}

function multiplyAllSteps(
  kind: i32,
  w: usize,
  last: usize,
  x: usize,
  stride: usize,
  rows: i32,
  steps: i32,
  sums: usize,
  halves: v128,
): void {
  const inPage = kind === F32 ? 64 : 128;
  for (let step = 0; step < steps; step += inPage) {
    const some = min(inPage, steps - step);
    prefetchPage(w, last);
    for (let row = 0; row < rows; row += TOGETHER) {
      const there = min(TOGETHER, rows - row);
      multiplySteps(kind, w, x + (row as usize) * stride + bytes(step), stride, there, some, sums + (row as usize) * SUMS, halves);
    }
    w += (some as usize) * (kind === F32 ? 64 : 32);
  }
}

/** Writes the sums of a panel, rows `stride` bytes apart, as {@link finish} does. */
export function finishRows(sums: usize, bias: usize, y: usize, stride: usize, rows: i32, lanes: i32, epilogue: i32): void {
  for (; rows > 0; rows--) {
    finish(v128.load(sums), v128.load(sums, 16), v128.load(sums, 32), v128.load(sums, 48), bias, y, lanes, epilogue);
    sums += SUMS;
    y += stride;
  }
}
