/**
 * AssemblyScript, see scripts/build-wasm.mjs. The depthwise causal convolution with its activation, and its gradient. Addresses count
 * bytes, 0 stands for an input that is left out. Channels do not meet: they are cut into shares, one for each block of the call, by
 * the sizes alone. Letters: B batch, T time, E channels, W width.
 */

import { bytes } from '../../../backends/wasm/vector-math/assembly-lanes';
import { pack } from '../../matmul/wasm/assembly-pack';
import { convolveRows, gradientOfInputRows, gradientOfRows, isFourWide } from './assembly-four';
import { Conv, convolveRow, gradientOfInput, gradientOfRow } from './assembly-rows';

/** Where the arrays start in scratch, after {@link Conv}. */
const CALL: usize = 64;
/** Shares are enough for several threads to end together, hold at least two cache lines of channels, and are worth some 50 µs. */
const MOST_SHARES: i32 = 8;
const LEAST_CHANNELS: i32 = 32;
const WORTH_A_SHARE: i64 = 1 << 14;

/** Into how many shares {@link causalConv1d} and {@link causalConv1dGrad} cut the channels. */
export function causalConv1dBlocks(batch: i32, length: i32, channels: i32): i32 {
  const work = (batch as i64) * (length as i64) * (channels as i64);
  return max(1, min(min(MOST_SHARES, channels / LEAST_CHANNELS), min(MOST_SHARES as i64, work / WORTH_A_SHARE) as i32));
}

/** The first channel of a share, a multiple of four; that of the share behind the last is E. */
function firstChannel(share: i32, shares: i32, channels: i32): i32 {
  return share === shares ? channels : ((share * channels) / shares) & ~3;
}

/** Bytes of a [channels, width] filter in vectors of four channels. */
function filterBytes(channels: i32, width: i32): usize {
  return bytes(((channels + 3) & ~3) * width);
}

/** Bytes that {@link causalConv1d} needs at `scratch`: the filter and the head. */
export function causalConv1dScratchBytes(channels: i32, width: i32): usize {
  return CALL + filterBytes(channels, width) + bytes(2 * (width - 1) * channels);
}

/** A share of a call with its filter packed. */
function newConv(scratch: usize, w: usize, bias: usize, batch: i32, length: i32, channels: i32, width: i32, silu: bool, share: i32): Conv {
  const c = changetype<Conv>(scratch);
  const shares = causalConv1dBlocks(batch, length, channels);
  c.first = firstChannel(share, shares, channels);
  c.last = firstChannel(share + 1, shares, channels);
  c.length = length;
  c.channels = channels;
  c.width = width;
  c.silu = silu;
  c.bias = bias;
  c.documentStarts = 0;
  c.filter = scratch + CALL;
  c.head = c.filter + c.filterBytes;
  pack(w + bytes(c.first * width), c.filter + c.filterAt, c.last - c.first, width, width, 1, 4);
  return c;
}

/** x, y [B, T, E]; w [E, W]; bias [E]; documentStarts [B, T], int32; tail and the tail that is left, [B, E, W − 1]. */
export function causalConv1d(
  x: usize,
  w: usize,
  bias: usize,
  tail: usize,
  documentStarts: usize,
  y: usize,
  left: usize,
  batch: i32,
  length: i32,
  channels: i32,
  width: i32,
  silu: bool,
  share: i32,
  scratch: usize,
): void {
  const c = newConv(scratch, w, bias, batch, length, channels, width, silu, share);
  for (let b = 0; b < batch; b++) {
    const ofTail = bytes(b * channels * (width - 1));
    if (documentStarts) c.documentStarts = documentStarts + bytes(b * length);
    makeHead(c, x, tail ? tail + ofTail : 0);
    const alone = tokensAlone(c);
    for (let t = 0; t < alone; t++) convolveRow(c, c.window(x, t), c.firstColumn(t), y + (t as usize) * c.row);
    convolveRows(c, x, y + (alone as usize) * c.row, length - alone);
    // the W − 1 newest rows are the window of the token that comes next, without its own
    if (width > 1) leaveTail(c, x, left + ofTail);
    x += (length as usize) * c.row;
    y += (length as usize) * c.row;
  }
}

/** How many tokens go one by one: those whose rows lie in the head, or all. */
function tokensAlone(c: Conv): i32 {
  return isFourWide(c) ? min(c.width - 1, c.length) : c.length;
}

/** The rows of the tail, zeros where there is none, and the first W − 1 of x. */
function makeHead(c: Conv, x: usize, tail: usize): void {
  const rows = c.width - 1;
  for (let k = 0; k < rows; k++) {
    const row = c.head + (k as usize) * c.row;
    if (!tail) memory.fill(row + c.shareAt, 0, c.shareBytes);
    else for (let e = c.first; e < c.last; e++) store<f32>(row + bytes(e), load<f32>(tail + bytes(e * rows + k)));
  }
  for (let k = 0; k < min(rows, c.length); k++) {
    const from = x + (k as usize) * c.row + c.shareAt;
    memory.copy(c.head + ((rows + k) as usize) * c.row + c.shareAt, from, c.shareBytes);
  }
}

/** The last W − 1 rows as columns, [E, W − 1], zeros for those that lie before a start. */
function leaveTail(c: Conv, x: usize, left: usize): void {
  const before = c.width - 1;
  toColumns(c, c.window(x, c.length), left);
  for (let j = 0; j < before; j++) {
    if (c.firstColumnOfRow(c.length + j) === 0) continue;
    for (let e = c.first; e < c.last; e++) store<f32>(left + bytes(e * before + j), 0);
  }
}

/** W − 1 rows as columns, [E, W − 1]. */
function toColumns(c: Conv, rows: usize, to: usize): void {
  const before = c.width - 1;
  for (let e = c.first; e < c.last; e++) {
    for (let k = 0; k < before; k++) store<f32>(to + bytes(e * before + k), load<f32>(rows + (k as usize) * c.row + bytes(e)));
  }
}

/** Bytes that {@link causalConv1dGrad} needs at `scratch`. */
export function causalConv1dGradScratchBytes(length: i32, channels: i32, width: i32): usize {
  const sums: usize = 2 * (filterBytes(channels, width) + filterBytes(channels, 1));
  const rows = ((length + 3 * (width - 1)) as usize) * bytes(channels);
  return causalConv1dScratchBytes(channels, width) + sums + rows;
}

/** As {@link causalConv1d}; dy as y, dLeft as the tail that is left, and the gradients as what they belong to. */
export function causalConv1dGrad(
  x: usize,
  w: usize,
  bias: usize,
  tail: usize,
  documentStarts: usize,
  dy: usize,
  dLeft: usize,
  dx: usize,
  dw: usize,
  dBias: usize,
  dTail: usize,
  batch: i32,
  length: i32,
  channels: i32,
  width: i32,
  silu: bool,
  share: i32,
  scratch: usize,
): void {
  const c = newConv(scratch, w, bias, batch, length, channels, width, silu, share);
  layOutGradient(c);
  for (let b = 0; b < batch; b++) {
    const ofTail = bytes(b * channels * (width - 1));
    if (documentStarts) c.documentStarts = documentStarts + bytes(b * length);
    makeHead(c, x, tail ? tail + ofTail : 0);
    gradientOfOutputs(c, x, dy);
    gradientOfInputs(c, dLeft + ofTail, dx);
    if (width > 1) toColumns(c, c.dHead, dTail + ofTail);
    const sequence = (length as usize) * c.row;
    x += sequence;
    dy += sequence;
    dx += sequence;
  }
  unpackFilter(c, c.dFilter, dw);
  memory.copy(dBias + c.shareAt, c.dBias + c.shareAt, c.shareBytes);
}

/** Lays out scratch behind the head, with sums and the zeros around dz in place. */
function layOutGradient(c: Conv): void {
  const rows = (c.width - 1) as usize;
  c.dFilter = c.head + 2 * rows * c.row;
  c.dBias = c.dFilter + c.filterBytes;
  c.dFilterOfOne = c.dBias + filterBytes(c.channels, 1);
  c.dBiasOfOne = c.dFilterOfOne + c.filterBytes;
  c.dz = c.dBiasOfOne + filterBytes(c.channels, 1);
  c.dHead = c.dz + ((c.length as usize) + 2 * rows) * c.row;
  memory.fill(c.dFilter, 0, c.dFilterOfOne - c.dFilter);
  for (let k: usize = 0; k < rows; k++) {
    memory.fill(c.dz + k * c.row + c.shareAt, 0, c.shareBytes);
    memory.fill(c.dz + (rows + (c.length as usize) + k) * c.row + c.shareAt, 0, c.shareBytes);
  }
}

/** dz, and what one sequence adds to dw and dbias: summed by itself first, so that rounding errors do not grow with the batch. */
function gradientOfOutputs(c: Conv, x: usize, dy: usize): void {
  const sums = c.dz - c.dFilterOfOne;
  memory.fill(c.dFilterOfOne, 0, sums);
  let dz = c.dz + ((c.width - 1) as usize) * c.row;
  const alone = tokensAlone(c);
  for (let t = 0; t < alone; t++) {
    gradientOfRow(c, c.window(x, t), c.firstColumn(t), dy, dz);
    dy += c.row;
    dz += c.row;
  }
  gradientOfRows(c, x, dy, dz, c.length - alone);
  for (let i: usize = 0; i < sums; i += 16) {
    v128.store(c.dFilter + i, f32x4.add(v128.load(c.dFilter + i), v128.load(c.dFilterOfOne + i)));
  }
}

/** Row k of the past, the tail's rows first, is read by tokens k − W + 1 to k, and the last W − 1 are what is left. */
function gradientOfInputs(c: Conv, dLeft: usize, dx: usize): void {
  const before = c.width - 1;
  // those of neither the tail nor what is left
  const together = isFourWide(c) ? max(0, c.length - before) : 0;
  gradientOfInputRows(c, c.dz + ((2 * before) as usize) * c.row, dx, together);
  for (let k = 0; k < c.length + before; k++) {
    if (k >= before && k < before + together) continue;
    const to = k < before ? c.dHead + (k as usize) * c.row : dx + ((k - before) as usize) * c.row;
    const first = c.firstColumnOfRow(k);
    gradientOfInput(c, c.dz + ((k + before) as usize) * c.row, first, to);
    if (k >= c.length && first === 0) addColumn(c, to, dLeft + bytes(k - c.length));
  }
}

/** row += a column of a matrix [E, W − 1], whose first value is at `column`. */
function addColumn(c: Conv, row: usize, column: usize): void {
  for (let e = c.first; e < c.last; e++) {
    const at = row + bytes(e);
    store<f32>(at, load<f32>(at) + load<f32>(column + bytes(e * (c.width - 1))));
  }
}

/** [⌈E/4⌉, W, 4] → [E, W]. */
function unpackFilter(c: Conv, from: usize, to: usize): void {
  for (let e = c.first; e < c.last; e++) {
    for (let j = 0; j < c.width; j++) {
      store<f32>(to + bytes(e * c.width + j), load<f32>(from + bytes(((e >> 2) * c.width + j) * 4 + (e & 3))));
    }
  }
}
