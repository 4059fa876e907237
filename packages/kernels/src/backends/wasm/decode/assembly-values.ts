/** AssemblyScript. What a token passes between its products, value by value. Addresses count bytes, sizes and strides floats. */
import { exp2X4, expX4, siluX4, softplusX4 } from '../vector-math/assembly-exp';
import { bytes, loadLanes, storeLanes } from '../vector-math/assembly-lanes';
import { madd, subtractProduct } from '../vector-math/assembly-madd';

/** Values of a block: some 2 µs. */
const BLOCK: i32 = 1024;

/** Into how many blocks {@link siluRows} and, with one row, {@link denseSum} and {@link gatedUnit} cut their values. */
export function valueBlocks(rows: i32, size: i32): i32 {
  return rows * ((size + BLOCK - 1) / BLOCK);
}

/** y = x σ(x), rows of `size` values; x in rows of `stride`. */
export function siluRows(x: usize, stride: i32, y: usize, size: i32, block: i32): void {
  const blocks = (size + BLOCK - 1) / BLOCK;
  const row = block / blocks;
  const first = (block % blocks) * BLOCK;
  const some = min(BLOCK, size - first);
  x += bytes(row * stride + first);
  y += bytes(row * size + first);
  for (let i = 0; i < some; i += 4) storeLanes(y + bytes(i), siluX4(loadLanes(x + bytes(i), some - i)), some - i);
}

/** y = own + silu(gate) ⊙ Σ_i x_i, x_i at the `count` addresses of `sources`; all have `size` values, without a gate (0) it is 1. */
export function denseSum(own: usize, gate: usize, sources: usize, count: i32, y: usize, size: i32, block: i32): void {
  const end = min(size, (block + 1) * BLOCK);
  for (let i = block * BLOCK; i < end; i += 4) {
    const at = bytes(i);
    const lanes = end - i;
    let sum = f32x4.splat(0);
    for (let source = 0; source < count; source++)
      sum = f32x4.add(sum, loadLanes((load<u32>(sources + bytes(source)) as usize) + at, lanes));
    const mine = loadLanes(own + at, lanes);
    storeLanes(y + at, gate ? madd(siluX4(loadLanes(gate + at, lanes)), sum, mine) : f32x4.add(mine, sum), lanes);
  }
}

/** Pairs (a, b) of a row become scale · (a cos − b sin, b cos + a sin). x [batch, heads, size]; cos and sin [batch, size/2]; scale [batch, heads]. */
export function rotateRows(x: usize, cos: usize, sin: usize, scale: usize, batch: i32, heads: i32, size: i32): void {
  for (let row = 0; row < batch * heads; row++) {
    const factor = v128.load32_splat(scale + bytes(row));
    const angles = bytes((row / heads) * (size >> 1));
    for (let i = 0; i < size; i += 4) {
      const half = angles + bytes(i >> 1);
      const pairs = size - i;
      const value = f32x4.mul(factor, loadLanes(x + bytes(i), pairs));
      const c = twice(loadLanes(cos + half, pairs >> 1));
      const s = f32x4.mul(f32x4(-1, 1, -1, 1), twice(loadLanes(sin + half, pairs >> 1)));
      const swapped = v128.shuffle<f32>(value, value, 1, 0, 3, 2);
      storeLanes(x + bytes(i), madd(value, c, f32x4.mul(swapped, s)), pairs);
    }
    x += bytes(size);
  }
}

/** The first two values, each two times. */
function twice(x: v128): v128 {
  return v128.shuffle<f32>(x, x, 0, 0, 1, 1);
}

const SILU: i32 = 0;
const GELU: i32 = 1;

/** y = f(x) ⊙ gate, f by its number: silu, gelu, relu. */
export function gatedUnit(x: usize, gate: usize, y: usize, size: i32, kind: i32, block: i32): void {
  const end = min(size, (block + 1) * BLOCK);
  for (let i = block * BLOCK; i < end; i += 4) {
    const lanes = end - i;
    const value = loadLanes(x + bytes(i), lanes);
    let active = f32x4.pmax(value, f32x4.splat(0));
    if (kind === SILU) active = siluX4(value);
    else if (kind === GELU) active = geluX4(value);
    storeLanes(y + bytes(i), f32x4.mul(active, loadLanes(gate + bytes(i), lanes)), lanes);
  }
}

/** x/2 · (1 + erf(x/√2)), erf by Abramowitz and Stegun 1964, 7.1.26, as tfjs computes it: right to 1.5e-7. */
function geluX4(x: v128): v128 {
  const z = f32x4.mul(x, f32x4.splat(Math.SQRT1_2 as f32));
  const size = f32x4.abs(z);
  const one = f32x4.splat(1);
  const t = f32x4.div(one, madd(f32x4.splat(0.3275911), size, one));
  let p = madd(f32x4.splat(1.061405429), t, f32x4.splat(-1.453152027));
  p = madd(p, t, f32x4.splat(1.421413741));
  p = madd(p, t, f32x4.splat(-0.284496736));
  p = f32x4.mul(madd(p, t, f32x4.splat(0.254829592)), t);
  const erf = subtractProduct(p, expX4(f32x4.neg(f32x4.mul(z, z))), one);
  const signed = v128.or(erf, v128.and(z, f32x4.splat(-0.0)));
  return f32x4.mul(f32x4.mul(x, f32x4.splat(0.5)), f32x4.add(one, signed));
}

/** Δ = softplus(x + bias) within the limits, and e^(Δ A). x in rows of `stride`; bias and A, in units of ln 2, [H]; both results [B, H]. */
export function timeSteps(
  x: usize,
  stride: i32,
  bias: usize,
  A: usize,
  least: f32,
  most: f32,
  delta: usize,
  decay: usize,
  batch: i32,
  heads: i32,
): void {
  for (let row = 0; row < batch; row++) {
    for (let h = 0; h < heads; h += 4) {
      const lanes = heads - h;
      const raw = softplusX4(f32x4.add(loadLanes(x + bytes(h), lanes), loadLanes(bias + bytes(h), lanes)));
      const step = f32x4.min(f32x4.max(raw, f32x4.splat(least)), f32x4.splat(most));
      storeLanes(delta + bytes(h), step, lanes);
      storeLanes(decay + bytes(h), exp2X4(f32x4.mul(step, loadLanes(A + bytes(h), lanes))), lanes);
    }
    x += bytes(stride);
    delta += bytes(heads);
    decay += bytes(heads);
  }
}
