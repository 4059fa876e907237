/**
 * AssemblyScript, see scripts/build-wasm.mjs. The depthwise causal convolution with its activation, and its gradient. Addresses count
 * bytes, 0 stands for an input that is left out. Letters: B batch, T time, E channels, W width.
 */
import { pack } from '../matmul/assembly-pack';
import { bytes } from '../vector-math/assembly-lanes';
import { Conv, convolveRow, gradientOfInput, gradientOfRow } from './assembly-rows';

/** Where the arrays start in scratch, after {@link Conv}. */
const CALL: usize = 64;

/** Bytes of a [channels, width] filter in vectors of four channels. */
function filterBytes(channels: i32, width: i32): usize {
  return bytes(((channels + 3) & ~3) * width);
}

/** Bytes that {@link causalConv1d} needs at `scratch`: the filter and the head. */
export function causalConv1dScratchBytes(channels: i32, width: i32): usize {
  return CALL + filterBytes(channels, width) + bytes(2 * (width - 1) * channels);
}

/** A call with its filter packed. */
function newConv(scratch: usize, w: usize, bias: usize, length: i32, channels: i32, width: i32, silu: bool): Conv {
  const c = changetype<Conv>(scratch);
  c.length = length;
  c.channels = channels;
  c.width = width;
  c.silu = silu;
  c.bias = bias;
  c.starts = 0;
  c.filter = scratch + CALL;
  c.head = c.filter + c.filterBytes;
  pack(w, c.filter, channels, width, width, 1, 4);
  return c;
}

/** x, y [B, T, E]; w [E, W]; bias [E]; starts [B, T], int32; tail and the tail that is left, [B, E, W − 1]. */
export function causalConv1d(
  x: usize,
  w: usize,
  bias: usize,
  tail: usize,
  starts: usize,
  y: usize,
  left: usize,
  batch: i32,
  length: i32,
  channels: i32,
  width: i32,
  silu: bool,
  scratch: usize,
): void {
  const c = newConv(scratch, w, bias, length, channels, width, silu);
  for (let b = 0; b < batch; b++) {
    const ofTail = bytes(b * channels * (width - 1));
    if (starts) c.starts = starts + bytes(b * length);
    makeHead(c, x, tail ? tail + ofTail : 0);
    for (let t = 0; t < length; t++) {
      convolveRow(c, c.window(x, t), c.firstColumn(t), y);
      y += c.row;
    }
    // the W − 1 newest rows are the window of the token that comes next, without its own
    if (width > 1) leaveTail(c, x, left + ofTail);
    x += (length as usize) * c.row;
  }
}

/** The rows of the tail, zeros where there is none, and the first W − 1 of x. */
function makeHead(c: Conv, x: usize, tail: usize): void {
  const rows = c.width - 1;
  const size = (rows as usize) * c.row;
  if (tail) transposeRows(tail, c.head, c.channels, rows);
  else memory.fill(c.head, 0, size);
  memory.copy(c.head + size, x, (min(rows, c.length) as usize) * c.row);
}

/** The last W − 1 rows as columns, [E, W − 1], zeros for those that lie before a start. */
function leaveTail(c: Conv, x: usize, left: usize): void {
  const before = c.width - 1;
  transposeRows(c.window(x, c.length), left, before, c.channels);
  for (let j = 0; j < before; j++) {
    if (c.firstColumnOfRow(c.length + j) === 0) continue;
    for (let e = 0; e < c.channels; e++) store<f32>(left + bytes(e * before + j), 0);
  }
}

/** [rows, columns] → [columns, rows]. */
function transposeRows(from: usize, to: usize, rows: i32, columns: i32): void {
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) {
      store<f32>(to, load<f32>(from + bytes(row * columns + column)));
      to += 4;
    }
  }
}

/** Bytes that {@link causalConv1dGrad} needs at `scratch`. */
export function causalConv1dGradScratchBytes(length: i32, channels: i32, width: i32): usize {
  const sums = 2 * (filterBytes(channels, width) + filterBytes(channels, 1));
  const rows = ((length + 3 * (width - 1)) as usize) * bytes(channels);
  return causalConv1dScratchBytes(channels, width) + sums + rows;
}

/** As {@link causalConv1d}; dy as y, dLeft as the tail that is left, and the gradients as what they belong to. */
export function causalConv1dGrad(
  x: usize,
  w: usize,
  bias: usize,
  tail: usize,
  starts: usize,
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
  scratch: usize,
): void {
  const c = newConv(scratch, w, bias, length, channels, width, silu);
  layOutGradient(c);
  for (let b = 0; b < batch; b++) {
    const ofTail = bytes(b * channels * (width - 1));
    if (starts) c.starts = starts + bytes(b * length);
    makeHead(c, x, tail ? tail + ofTail : 0);
    gradientOfOutputs(c, x, dy);
    gradientOfInputs(c, dLeft + ofTail, dx);
    if (width > 1) transposeRows(c.dHead, dTail + ofTail, width - 1, channels);
    const sequence = (length as usize) * c.row;
    x += sequence;
    dy += sequence;
    dx += sequence;
  }
  unpackFilter(c.dFilter, dw, channels, width);
  memory.copy(dBias, c.dBias, c.row);
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
  memory.fill(c.dFilter, 0, c.dHead - c.dFilter);
}

/** dz, and what one sequence adds to dw and dbias: summed by itself first, so that rounding errors do not grow with the batch. */
function gradientOfOutputs(c: Conv, x: usize, dy: usize): void {
  const sums = c.dz - c.dFilterOfOne;
  memory.fill(c.dFilterOfOne, 0, sums);
  let dz = c.dz + ((c.width - 1) as usize) * c.row;
  for (let t = 0; t < c.length; t++) {
    gradientOfRow(c, c.window(x, t), c.firstColumn(t), dy, dz);
    dy += c.row;
    dz += c.row;
  }
  for (let i: usize = 0; i < sums; i += 16) {
    v128.store(c.dFilter + i, f32x4.add(v128.load(c.dFilter + i), v128.load(c.dFilterOfOne + i)));
  }
}

/** Row k of the past, the tail's rows first, is read by tokens k − W + 1 to k, and the last W − 1 are what is left. */
function gradientOfInputs(c: Conv, dLeft: usize, dx: usize): void {
  const before = c.width - 1;
  for (let k = 0; k < c.length + before; k++) {
    const to = k < before ? c.dHead + (k as usize) * c.row : dx + ((k - before) as usize) * c.row;
    const first = c.firstColumnOfRow(k);
    gradientOfInput(c, c.dz + ((k + before) as usize) * c.row, first, to);
    if (k >= c.length && first === 0) addColumn(to, dLeft + bytes(k - c.length), c.channels, before);
  }
}

/** row += a column of a matrix [channels, width], whose first value is at `column`. */
function addColumn(row: usize, column: usize, channels: i32, width: i32): void {
  for (let e = 0; e < channels; e++) store<f32>(row + bytes(e), load<f32>(row + bytes(e)) + load<f32>(column + bytes(e * width)));
}

/** [⌈E/4⌉, W, 4] → [E, W]. */
function unpackFilter(from: usize, to: usize, channels: i32, width: i32): void {
  for (let e = 0; e < channels; e++) {
    for (let j = 0; j < width; j++) {
      store<f32>(to, load<f32>(from + bytes(((e >> 2) * width + j) * 4 + (e & 3))));
      to += 4;
    }
  }
}
