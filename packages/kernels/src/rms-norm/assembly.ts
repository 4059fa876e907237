/**
 * AssemblyScript, see scripts/build-wasm.mjs. The root mean square norm and its gradient, row by row and group by group. Addresses
 * count bytes, 0 stands for an input that is left out; gate is 0, or `inside` says where it joins. Sums are float64.
 */
import { siluX4 } from '../vector-math/assembly-exp';
import { bytes, loadLanes, storeLanes } from '../vector-math/assembly-lanes';
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
      normaliseGroup(x, scale, gate, y, size, eps, inside);
      x += bytes(size);
      y += bytes(size);
      if (gate) gate += bytes(size);
    }
  }
}

function normaliseGroup(x: usize, weight: usize, gate: usize, y: usize, size: i32, eps: f64, inside: bool): void {
  let squares = f64x2.splat(0);
  for (let i = 0; i < size; i += 4) {
    const at = bytes(i);
    let a = loadLanes(x + at, size - i);
    if (gate && inside) a = f32x4.mul(a, siluX4(loadLanes(gate + at, size - i)));
    squares = addProduct(squares, a, a);
    storeLanes(y + at, a, size - i);
  }
  const r = f32x4.splat(inverseRoot(squares, size, eps));
  for (let i = 0; i < size; i += 4) {
    const at = bytes(i);
    let n = f32x4.mul(loadLanes(y + at, size - i), r);
    if (weight) n = f32x4.mul(n, loadLanes(weight + at, size - i));
    if (gate && !inside) n = f32x4.mul(n, siluX4(loadLanes(gate + at, size - i)));
    storeLanes(y + at, n, size - i);
  }
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
