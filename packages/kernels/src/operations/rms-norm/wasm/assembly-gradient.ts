/** AssemblyScript. The gradient of the root mean square norm of one group of values. */
import { siluSlopeX4, siluX4 } from '../../../backends/wasm/vector-math/assembly-exp';
import { bytes, loadLanes, storeLanes } from '../../../backends/wasm/vector-math/assembly-lanes';
import { subtractProduct } from '../../../backends/wasm/vector-math/assembly-madd';

/** One call; lies in scratch. */
@unmanaged
export class NormGrad {
  eps: f64;
  size: i32;
  inside: bool;
  /** dw in float64, [width] and room for three more. */
  sums: usize;
  /** Of the group at hand: what is normalized, silu(gate), and dy times the gate outside. */
  a: usize;
  s: usize;
  dyS: usize;
}

function firstTwo(x: v128): v128 {
  return f64x2.promote_low_f32x4(x);
}

function lastTwo(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3));
}

/** sum + x y in two lanes of float64. */
export function addProduct(sum: v128, x: v128, y: v128): v128 {
  const first = f64x2.add(sum, f64x2.mul(firstTwo(x), firstTwo(y)));
  return f64x2.add(first, f64x2.mul(lastTwo(x), lastTwo(y)));
}

function total(sum: v128): f64 {
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** 1 / √(mean square + eps). */
export function inverseRoot(squares: v128, size: i32, eps: f64): f32 {
  return (1 / Math.sqrt(total(squares) / (size as f64) + eps)) as f32;
}

/**
 * With s = silu(gate): a = x, or x s with the gate inside; n = a r; dn = dy w, or dy s w with it outside; then
 * da = r (dn − n mean(dn n)), and mean(dn n) = r Σ dn a / size. `column` is the group's first.
 */
export function gradientOfGroup(c: NormGrad, x: usize, weight: usize, gate: usize, dy: usize, dx: usize, dgate: usize, column: i32): void {
  let squares = f64x2.splat(0);
  let products = squares;
  let i = 0;
  do {
    const at = bytes(i);
    const lanes = c.size - i;
    const s = gate ? siluX4(loadLanes(gate + at, lanes)) : f32x4.splat(1);
    const value = loadLanes(x + at, lanes);
    const slope = loadLanes(dy + at, lanes);
    const a = c.inside ? f32x4.mul(value, s) : value;
    const dyS = c.inside ? slope : f32x4.mul(slope, s);
    squares = addProduct(squares, a, a);
    products = addProduct(products, a, weight ? f32x4.mul(dyS, loadLanes(weight + at, lanes)) : dyS);
    storeLanes(c.a + at, a, lanes);
    storeLanes(c.s + at, s, lanes);
    storeLanes(c.dyS + at, dyS, lanes);
    i += 4;
  } while (i < c.size);
  const r = inverseRoot(squares, c.size, c.eps);
  const mean = ((total(products) * (r as f64)) / (c.size as f64)) as f32;
  i = 0;
  do {
    const at = bytes(i);
    const dgateAt = gate ? dgate + at : 0;
    gradientOfFour(c, x + at, weight ? weight + at : 0, gate + at, dy + at, dx + at, dgateAt, i, column, r, mean);
    i += 4;
  } while (i < c.size);
}

function gradientOfFour(
  c: NormGrad,
  x: usize,
  weight: usize,
  gate: usize,
  dy: usize,
  dx: usize,
  dgate: usize,
  i: i32,
  column: i32,
  r: f32,
  mean: f32,
): void {
  const at = bytes(i);
  const lanes = c.size - i;
  const n = f32x4.mul(loadLanes(c.a + at, lanes), f32x4.splat(r));
  const dyS = loadLanes(c.dyS + at, lanes);
  const w = weight ? loadLanes(weight, lanes) : f32x4.splat(1);
  const da = f32x4.mul(f32x4.splat(r), subtractProduct(n, f32x4.splat(mean), f32x4.mul(dyS, w)));
  storeLanes(dx, c.inside ? f32x4.mul(da, loadLanes(c.s + at, lanes)) : da, lanes);
  const sums = c.sums + 2 * bytes(column + i);
  const dw = f32x4.mul(dyS, n);
  v128.store(sums, f64x2.add(v128.load(sums), firstTwo(dw)));
  v128.store(sums, f64x2.add(v128.load(sums, 16), lastTwo(dw)), 16);
  if (dgate === 0) return;
  const through = c.inside ? f32x4.mul(da, loadLanes(x, lanes)) : f32x4.mul(loadLanes(dy, lanes), f32x4.mul(n, w));
  storeLanes(dgate, f32x4.mul(through, siluSlopeX4(loadLanes(gate, lanes))), lanes);
}
