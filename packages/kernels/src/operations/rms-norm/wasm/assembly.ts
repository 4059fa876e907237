/**
 * AssemblyScript, see scripts/build-wasm.mjs. The root mean square norm and its gradient, row by row and group by group. Addresses
 * count bytes, 0 stands for an input that is left out; gate is 0, or `inside` says where it joins. Sums are float64.
 */
import { siluX4 } from '../../../backends/wasm/vector-math/assembly-exp';
import { bytes, loadLanes, storeLanes } from '../../../backends/wasm/vector-math/assembly-lanes';
import { addProduct, gradientOfGroup, inverseRoot, NormGrad } from './assembly-gradient';

/** Where the arrays start in scratch, after {@link NormGrad}. */
const CALL: usize = 64;

/** Values of a block of rows, and the most blocks of the gradient, each of which leaves a sum. */
const BLOCK: i32 = 1 << 14;
const MOST_PARTS: i32 = 8;

function rowsOfBlock(width: i32): i32 {
  return max(1, BLOCK / max(1, width));
}

/** Into how many blocks {@link rmsNorm} cuts its rows. */
export function rmsNormBlocks(rows: i32, width: i32): i32 {
  const ofBlock = rowsOfBlock(width);
  return max(1, (rows + ofBlock - 1) / ofBlock);
}

/** Into how many parts {@link rmsNormGrad} cuts its rows. */
export function rmsNormGradBlocks(rows: i32, width: i32): i32 {
  return min(MOST_PARTS, rmsNormBlocks(rows, width));
}

/** y = w a / √(mean(a²) + eps) over groups of `size` values, a = x or x silu(gate); a gate outside multiplies y. x, gate, y [rows, width]. */
export function rmsNorm(
  x: usize,
  weight: usize,
  gate: usize,
  y: usize,
  rows: i32,
  width: i32,
  size: i32,
  eps: f64,
  inside: bool,
  block: i32,
): void {
  const first = block * rowsOfBlock(width);
  const before = (first as usize) * bytes(width);
  x += before;
  y += before;
  if (gate) gate += before;
  for (let row = first; row < min(rows, first + rowsOfBlock(width)); row++) {
    for (let column = 0; column < width; column += size) {
      const scale = weight ? weight + bytes(column) : 0;
      normalizeGroup(x, scale, gate, y, size, eps, inside);
      x += bytes(size);
      y += bytes(size);
      if (gate) gate += bytes(size);
    }
  }
}

/** In passes of one task each, tested at their end, so that each has the registers and V8 makes its constants once. */
function normalizeGroup(x: usize, weight: usize, gate: usize, y: usize, size: i32, eps: f64, inside: bool): void {
  const isGatedFirst = gate !== 0 && inside;
  if (isGatedFirst) multiplyBySilu(x, gate, y, size);
  const a = isGatedFirst ? y : x;
  const r = f32x4.splat(inverseRoot(sumOfSquares(a, size), size, eps));
  let at: usize = 0;
  let left = size;
  do {
    const n = f32x4.mul(loadLanes(a + at, left), r);
    storeLanes(y + at, weight ? f32x4.mul(n, loadLanes(weight + at, left)) : n, left);
    at += 16;
    left -= 4;
  } while (left > 0);
  if (gate && !inside) multiplyBySilu(y, gate, y, size);
}

/** y = x silu(gate). */
function multiplyBySilu(x: usize, gate: usize, y: usize, size: i32): void {
  let at: usize = 0;
  do {
    storeLanes(y + at, f32x4.mul(loadLanes(x + at, size), siluX4(loadLanes(gate + at, size))), size);
    at += 16;
    size -= 4;
  } while (size > 0);
}

/** Σ a² in two lanes of float64, every other four values apart until the end. */
function sumOfSquares(a: usize, size: i32): v128 {
  let even = f64x2.splat(0);
  let odd = even;
  do {
    const four = loadLanes(a, size);
    even = addProduct(even, four, four);
    if (size > 4) {
      const next = loadLanes(a + 16, size - 4);
      odd = addProduct(odd, next, next);
    }
    a += 32;
    size -= 8;
  } while (size > 0);
  return f64x2.add(even, odd);
}

/** Bytes that {@link rmsNormGrad} needs at `scratch`: a call, dw in float64, and a, s and dy s of one group. */
export function rmsNormGradScratchBytes(width: i32, size: i32): usize {
  return CALL + bytes(2 * (width + 4)) + 3 * bytes(size);
}

/** dx, dw and, with a gate, dgate, from dy [rows, width] and the inputs of {@link rmsNorm}; dw comes part by part, [parts, width], to be added up. */
export function rmsNormGrad(
  x: usize,
  weight: usize,
  gate: usize,
  dy: usize,
  dx: usize,
  dw: usize,
  dgate: usize,
  rows: i32,
  width: i32,
  size: i32,
  eps: f64,
  inside: bool,
  part: i32,
  scratch: usize,
): void {
  const c = changetype<NormGrad>(scratch);
  c.size = size;
  c.eps = eps;
  c.inside = inside;
  c.sums = scratch + CALL;
  c.a = c.sums + bytes(2 * (width + 4));
  c.s = c.a + bytes(size);
  c.dyS = c.s + bytes(size);
  memory.fill(c.sums, 0, c.a - c.sums);
  const parts = rmsNormGradBlocks(rows, width);
  const end = ((part + 1) * rows) / parts;
  for (let row = (part * rows) / parts; row < end; row++) {
    for (let column = 0; column < width; column += size) {
      const at = (row as usize) * bytes(width) + bytes(column);
      gradientOfGroup(c, x + at, weight ? weight + bytes(column) : 0, gate ? gate + at : 0, dy + at, dx + at, dgate + at, column);
    }
  }
  for (let column = 0; column < width; column++)
    store<f32>(dw + bytes(part * width + column), load<f64>(c.sums + 2 * bytes(column)) as f32);
}
