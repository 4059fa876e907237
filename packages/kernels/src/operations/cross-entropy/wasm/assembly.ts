/**
 * AssemblyScript, see scripts/build-wasm.mjs. The cross entropy of rows of logits [rows, width] and its gradient; nothing of their size
 * is made beside the gradient itself. Targets lie in the row or are `ignored`. Sums are float64. Rows are computed in blocks.
 */
import { expX4 } from '../../../backends/wasm/vector-math/assembly-exp';
import { bytes, storeLanes } from '../../../backends/wasm/vector-math/assembly-lanes';

/** The first `lanes` of four values, followed by −Infinity. */
function logitsAt(from: usize, lanes: i32): v128 {
  if (lanes >= 4) return v128.load(from);
  let value = v128.load_lane<f32>(from, f32x4.splat(-Infinity), 0);
  if (lanes > 1) value = v128.load_lane<f32>(from + 4, value, 1);
  if (lanes > 2) value = v128.load_lane<f32>(from + 8, value, 2);
  return value;
}

/** The largest value of a row; NaN where there is one. */
function largest(row: usize, width: i32): f32 {
  let most = f32x4.splat(-Infinity);
  for (let i = 0; i < width; i += 4) most = f32x4.max(most, logitsAt(row + bytes(i), width - i));
  const pairs = f32x4.max(most, v128.shuffle<f32>(most, most, 2, 3, 0, 1));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/** Σ exp(x − most) over a row. */
function sumOfExps(row: usize, width: i32, most: f32): f64 {
  const shift = f32x4.splat(most);
  let sum = f64x2.splat(0);
  let left = width;
  // tested at the end, so that V8 makes the constants of the exponential once
  if (left >= 8) {
    do {
      const e = f32x4.add(expX4(f32x4.sub(v128.load(row), shift)), expX4(f32x4.sub(v128.load(row, 16), shift)));
      sum = addLanes(sum, e);
      row += 32;
      left -= 8;
    } while (left >= 8);
  }
  for (; left > 0; left -= 4) {
    sum = addLanes(sum, expX4(f32x4.sub(logitsAt(row, left), shift)));
    row += 16;
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** Adds four values to two lanes of float64. */
function addLanes(sum: v128, x: v128): v128 {
  const upper = v128.shuffle<f32>(x, x, 2, 3, 2, 3);
  return f64x2.add(sum, f64x2.add(f64x2.promote_low_f32x4(x), f64x2.promote_low_f32x4(upper)));
}

/** ln x for x ≥ 1: x = 2ⁿ m with m within √½ and √2, ln m = 2 artanh(s), s = (m − 1) / (m + 1), by its series to s¹³. */
function ln(x: f64): f64 {
  if (!(x < Infinity)) return x;
  const bits = reinterpret<u64>(x);
  let n = ((bits >> 52) as i32) - 1023;
  let m = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (m > Math.SQRT2) {
    m *= 0.5;
    n++;
  }
  const s = (m - 1) / (m + 1);
  const z = s * s;
  const series = 1 + z * (1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7 + z * (1.0 / 9 + z * (1.0 / 11 + z * (1.0 / 13))))));
  return (n as f64) * Math.LN2 + 2 * s * series;
}

/** −ln softmax, of the largest logit, the target's and Σ exp(x − most). */
function lossOf(most: f32, logit: f32, sum: f64): f64 {
  return (most as f64) - (logit as f64) + ln(sum);
}

function countOf(targets: usize, rows: i32, ignored: i32): i32 {
  let count = 0;
  for (let row = 0; row < rows; row++) count += load<i32>(targets + bytes(row)) === ignored ? 0 : 1;
  return count;
}

/** Values of a block of rows: some 20 µs. */
const BLOCK: i32 = 1 << 14;

function rowsOfBlock(width: i32): i32 {
  return max(1, BLOCK / max(1, width));
}

/** Into how many blocks {@link crossEntropy} and {@link crossEntropyGrad} cut the rows. */
export function crossEntropyBlocks(rows: i32, width: i32): i32 {
  const ofBlock = rowsOfBlock(width);
  return max(1, (rows + ofBlock - 1) / ofBlock);
}

/** −ln softmax at the target of each row, in float64, 0 where ignored: losses [rows]. */
export function crossEntropy(logits: usize, targets: usize, losses: usize, rows: i32, width: i32, ignored: i32, block: i32): void {
  const first = block * rowsOfBlock(width);
  logits += (first as usize) * bytes(width);
  for (let row = first; row < min(rows, first + rowsOfBlock(width)); row++) {
    const target = load<i32>(targets + bytes(row));
    let loss: f64 = 0;
    if (target !== ignored) {
      const most = largest(logits, width);
      loss = lossOf(most, load<f32>(logits + bytes(target)), sumOfExps(logits, width, most));
    }
    store<f64>(losses + 2 * bytes(row), loss);
    logits += bytes(width);
  }
}

/** The losses as float32, or with `mean` one number, over the rows that are not ignored. */
export function collectLosses(losses: usize, targets: usize, out: usize, rows: i32, ignored: i32, mean: bool): void {
  let total: f64 = 0;
  for (let row = 0; row < rows; row++) {
    const loss = load<f64>(losses + 2 * bytes(row));
    if (mean) total += loss;
    else store<f32>(out + bytes(row), loss as f32);
  }
  if (mean) store<f32>(out, (total / (max(1, countOf(targets, rows, ignored)) as f64)) as f32);
}

/**
 * dlogits = (softmax − 1 at the target) · dy of each row, or with `mean` the one dy divided among the rows that count. They may take the
 * place of the logits. With an address for losses also what {@link crossEntropy} gives.
 */
export function crossEntropyGrad(
  logits: usize,
  targets: usize,
  dy: usize,
  dlogits: usize,
  losses: usize,
  rows: i32,
  width: i32,
  ignored: i32,
  mean: bool,
  block: i32,
): void {
  const first = block * rowsOfBlock(width);
  logits += (first as usize) * bytes(width);
  dlogits += (first as usize) * bytes(width);
  const shared: f32 = mean ? load<f32>(dy) / (max(1, countOf(targets, rows, ignored)) as f32) : 0;
  for (let row = first; row < min(rows, first + rowsOfBlock(width)); row++) {
    const target = load<i32>(targets + bytes(row));
    let loss: f64 = 0;
    if (target === ignored) memory.fill(dlogits, 0, bytes(width));
    else loss = gradientOfRow(logits, dlogits, width, target, mean ? shared : load<f32>(dy + bytes(row)));
    if (losses) store<f64>(losses + 2 * bytes(row), loss);
    logits += bytes(width);
    dlogits += bytes(width);
  }
}

/** Returns the loss of the row. */
function gradientOfRow(logits: usize, dlogits: usize, width: i32, target: i32, scale: f32): f64 {
  const most = largest(logits, width);
  const sum = sumOfExps(logits, width, most);
  const loss = lossOf(most, load<f32>(logits + bytes(target)), sum);
  const factor = f32x4.splat(((scale as f64) / sum) as f32);
  const shift = f32x4.splat(most);
  const at = dlogits + bytes(target);
  let left = width;
  if (left >= 8) {
    do {
      v128.store(dlogits, f32x4.mul(expX4(f32x4.sub(v128.load(logits), shift)), factor));
      v128.store(dlogits, f32x4.mul(expX4(f32x4.sub(v128.load(logits, 16), shift)), factor), 16);
      logits += 32;
      dlogits += 32;
      left -= 8;
    } while (left >= 8);
  }
  for (; left > 0; left -= 4) {
    storeLanes(dlogits, f32x4.mul(expX4(f32x4.sub(logitsAt(logits, left), shift)), factor), left);
    logits += 16;
    dlogits += 16;
  }
  store<f32>(at, load<f32>(at) - scale);
  return loss;
}
