/** AssemblyScript. Addresses, and vectors of which only some lanes lie in memory. */

export function bytes(floats: i32): usize {
  return (floats as usize) << 2;
}

/** The first `lanes` of four values, followed by zeros; all four where `lanes` is more. */
export function loadLanes(from: usize, lanes: i32): v128 {
  if (lanes >= 4) return v128.load(from);
  let value = v128.load32_zero(from);
  if (lanes > 1) value = v128.load_lane<f32>(from + 4, value, 1);
  if (lanes > 2) value = v128.load_lane<f32>(from + 8, value, 2);
  return value;
}

/** Stores the first `lanes` of four values, all four where `lanes` is more. */
export function storeLanes(to: usize, value: v128, lanes: i32): void {
  if (lanes >= 4) {
    v128.store(to, value);
    return;
  }
  v128.store_lane<f32>(to, value, 0);
  if (lanes > 1) v128.store_lane<f32>(to + 4, value, 1);
  if (lanes > 2) v128.store_lane<f32>(to + 8, value, 2);
}

/** The sum of each of four vectors. */
export function sumsOf(a: v128, b: v128, c: v128, d: v128): v128 {
  const left = f32x4.add(v128.shuffle<f32>(a, b, 0, 1, 4, 5), v128.shuffle<f32>(a, b, 2, 3, 6, 7)); // two halves of each
  const right = f32x4.add(v128.shuffle<f32>(c, d, 0, 1, 4, 5), v128.shuffle<f32>(c, d, 2, 3, 6, 7));
  return f32x4.add(v128.shuffle<f32>(left, right, 0, 2, 4, 6), v128.shuffle<f32>(left, right, 1, 3, 5, 7));
}

/** Values of one block of a function of values one by one: some 30 µs. */
export const VALUES_OF_BLOCK: i32 = 1 << 15;
