/** AssemblyScript. */
import { bytes, loadLanes } from '../../../backends/wasm/vector-math/assembly-lanes';

/** Σ x², kept in float64 until it is stored. */
export function squareSum(x: usize, out: usize, size: i32): void {
  let low = f64x2.splat(0);
  let high = low;
  for (let i = 0; i < size; i += 4) {
    const four = loadLanes(x + bytes(i), size - i);
    const a = f64x2.promote_low_f32x4(four);
    const b = f64x2.promote_low_f32x4(v128.shuffle<f32>(four, four, 2, 3, 2, 3));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  low = f64x2.add(low, high);
  store<f32>(out, (f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1)) as f32);
}
