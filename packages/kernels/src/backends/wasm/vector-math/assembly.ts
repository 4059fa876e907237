/** AssemblyScript, see scripts/build-wasm.mjs. What the relaxed build is tested for when it starts. */
import { madd, subtractProduct } from './assembly-madd';

/**
 * Whether products join sums with one rounding, in all four lanes and with either sign. For x = 1 + 2⁻¹² the product x² is
 * 1 + 2⁻¹¹ + 2⁻²⁴, whose last term a rounding of its own would lose. x comes from the caller, so that no compiler works it out.
 */
export function fusesProducts(x: f32): bool {
  const scales = f32x4(1, 4, 0.5, 1024);
  const square = f32x4.mul(scales, f32x4.splat(x * x));
  const lost = f32x4.mul(scales, f32x4.splat(((x as f64) * (x as f64) - ((x * x) as f64)) as f32));
  const left = madd(f32x4.mul(scales, f32x4.splat(x)), f32x4.splat(x), f32x4.neg(square));
  const right = subtractProduct(f32x4.mul(scales, f32x4.splat(x)), f32x4.splat(x), square);
  return i32x4.all_true(f32x4.eq(left, lost)) && i32x4.all_true(f32x4.eq(right, f32x4.neg(lost)));
}
