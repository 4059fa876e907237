/** AssemblyScript. Products with few rows, as in decoding: B is read once, in the order in which it lies, and never copied. */

/** Columns of C that stay in the first cache while B passes. */
const BLOCK_COLUMNS: i32 = 1024;

/** Makes rows [m, k] of a matrix stored [k, m]. */
export function gatherRows(from: usize, to: usize, m: i32, k: i32): void {
  for (let row = 0; row < m; row++) {
    for (let step = 0; step < k; step++) {
      store<f32>(to, load<f32>(from + (((step as usize) * (m as usize) + (row as usize)) << 2)));
      to += 4;
    }
  }
}

/** C = A Bᵀ with A [m, k] and B [n, k]: one inner product per value. */
export function rowsByRows(a: usize, b: usize, c: usize, m: i32, k: i32, n: i32): void {
  const row = (k as usize) << 2;
  for (let column = 0; column < n; column++) {
    for (let i = 0; i < m; i++) {
      store<f32>(c + (((i as usize) * (n as usize) + (column as usize)) << 2), inner(a + (i as usize) * row, b, k));
    }
    b += row;
  }
}

/** Σ x_i y_i in four vectors of partial sums, so that no addition waits for the one before it. */
function inner(x: usize, y: usize, size: i32): f32 {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let i = 0;
  for (; i + 16 <= size; i += 16) {
    s0 = f32x4.add(s0, f32x4.mul(v128.load(x), v128.load(y)));
    s1 = f32x4.add(s1, f32x4.mul(v128.load(x, 16), v128.load(y, 16)));
    s2 = f32x4.add(s2, f32x4.mul(v128.load(x, 32), v128.load(y, 32)));
    s3 = f32x4.add(s3, f32x4.mul(v128.load(x, 48), v128.load(y, 48)));
    x += 64;
    y += 64;
  }
  for (; i + 4 <= size; i += 4) {
    s0 = f32x4.add(s0, f32x4.mul(v128.load(x), v128.load(y)));
    x += 16;
    y += 16;
  }
  const s = f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3));
  let total = f32x4.extract_lane(s, 0) + f32x4.extract_lane(s, 1) + (f32x4.extract_lane(s, 2) + f32x4.extract_lane(s, 3));
  for (; i < size; i++) {
    total += load<f32>(x) * load<f32>(y);
    x += 4;
    y += 4;
  }
  return total;
}

/** C = A B with A [m, k] and B [k, n]: adds multiples of the rows of B. */
export function rowsByColumns(a: usize, b: usize, c: usize, m: i32, k: i32, n: i32): void {
  const row = (n as usize) << 2;
  memory.fill(c, 0, (m as usize) * row);
  for (let column = 0; column < n; column += BLOCK_COLUMNS) {
    const columns = min(n - column, BLOCK_COLUMNS);
    const first = (column as usize) << 2;
    for (let step = 0; step < k; step++) {
      const from = b + first + (step as usize) * row;
      for (let i = 0; i < m; i++) {
        const factor = load<f32>(a + (((i as usize) * (k as usize) + (step as usize)) << 2));
        addMultiple(c + first + (i as usize) * row, from, factor, columns);
      }
    }
  }
}

/** y += factor · x. */
function addMultiple(y: usize, x: usize, factor: f32, size: i32): void {
  const factors = f32x4.splat(factor);
  let i = 0;
  for (; i + 4 <= size; i += 4) {
    v128.store(y, f32x4.add(v128.load(y), f32x4.mul(factors, v128.load(x))));
    x += 16;
    y += 16;
  }
  for (; i < size; i++) {
    store<f32>(y, load<f32>(y) + factor * load<f32>(x));
    x += 4;
    y += 4;
  }
}
