/** AssemblyScript. The one operation in which the two builds differ, see scripts/build-wasm.mjs. */

/** x y + z: one rounding in the build with relaxed SIMD, where the processor can, and two in the standard one. */
export function madd(x: v128, y: v128, z: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(x, y, z);
  return f32x4.add(f32x4.mul(x, y), z);
}

/** z − x y. */
export function subtractProduct(x: v128, y: v128, z: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(x, y, z);
  return f32x4.sub(z, f32x4.mul(x, y));
}
