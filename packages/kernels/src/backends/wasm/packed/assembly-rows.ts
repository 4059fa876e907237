/**
 * AssemblyScript. A panel of 16 outputs for a few rows: what is loaded of its weights is multiplied with four rows, or two. Every sum is made in the
 * order of assembly-floats.ts and assembly-integers.ts, so that a row has the bits that it has alone.
 */
import { bytes } from '../vector-math/assembly-lanes';
import { finish, prefetchPage } from './assembly-floats';
import { multiplySteps } from './assembly-rows-of-floats';
import { multiplyGroups } from './assembly-rows-of-integers';
import { BF16, bytesOfGroup, F32, GROUP_WORDS, INT8 } from './assembly-unpack';

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
  const ofStep: usize = kind > BF16 ? bytesOfGroup(kind) : kind === F32 ? 64 : 32;
  const inPage = kind > BF16 ? (kind === INT8 ? 8 : 14) : kind === F32 ? 64 : 128;
  for (let step = 0; step < steps; step += inPage) {
    const some = min(inPage, steps - step);
    prefetchPage(w, last);
    for (let row = 0; row < rows; row += TOGETHER) {
      const there = min(TOGETHER, rows - row);
      const to = sums + (row as usize) * SUMS;
      if (kind > BF16) {
        const from = x + bytes(row * steps * GROUP_WORDS) + (step as usize) * ROWS_GROUP;
        multiplyGroups(kind, w, from, there, some, to, mask);
      } else multiplySteps(kind, w, x + (row as usize) * stride + bytes(step), stride, there, some, to, mask);
    }
    w += (some as usize) * ofStep;
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
