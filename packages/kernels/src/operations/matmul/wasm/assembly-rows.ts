/** AssemblyScript. Products with few rows, as in decoding: B is read once, in the order in which it lies, and never copied. */
import { madd } from '../../../backends/wasm/vector-math/assembly-madd';

/** Columns of C that stay in the first cache while B passes. */
const BLOCK_COLUMNS: i32 = 1024;

function bytes(floats: i32): usize {
  return (floats as usize) << 2;
}

/** Makes rows [m, k] of a matrix stored [k, m]. */
export function gatherRows(from: usize, to: usize, m: i32, k: i32): void {
  for (let row = 0; row < m; row++) {
    for (let step = 0; step < k; step++) {
      store<f32>(to, load<f32>(from + bytes(row) + (step as usize) * bytes(m)));
      to += 4;
    }
  }
}

/** `columns` columns of C [m, n] = A Bᵀ, or += with `add`, with A [m, k] and B [n, k]: inner products of all rows of A with one row of B after the other. */
export function rowsByRows(a: usize, b: usize, c: usize, m: i32, k: i32, columns: i32, n: i32, add: bool): void {
  const pitch = bytes(k);
  for (let column = 0; column < columns; column++) {
    for (let row: usize = 0; row < (m as usize); row++) {
      const to = c + row * bytes(n);
      const before: f32 = add ? load<f32>(to) : 0;
      store<f32>(to, before + inner(a + row * pitch, b, k));
    }
    b += pitch;
    c += 4;
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
    s0 = madd(v128.load(x), v128.load(y), s0);
    s1 = madd(v128.load(x, 16), v128.load(y, 16), s1);
    s2 = madd(v128.load(x, 32), v128.load(y, 32), s2);
    s3 = madd(v128.load(x, 48), v128.load(y, 48), s3);
    x += 64;
    y += 64;
  }
  for (; i + 4 <= size; i += 4) {
    s0 = madd(v128.load(x), v128.load(y), s0);
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

/** `width` columns of C [m, n] = A B, or += with `add`, with A [m, k] and B [k, n]: adds multiples of the rows of B, four at a time. */
export function rowsByColumns(a: usize, b: usize, c: usize, m: i32, k: i32, width: i32, n: i32, add: bool): void {
  for (let column = 0; column < width; column += BLOCK_COLUMNS) {
    const columns = min(width - column, BLOCK_COLUMNS);
    for (let row = 0; row < m && !add; row++) memory.fill(c + bytes(column) + (row as usize) * bytes(n), 0, bytes(columns));
    for (let step = 0; step < k; step += 4) {
      const from = b + bytes(column) + (step as usize) * bytes(n);
      for (let row = 0; row < m; row++) {
        const to = c + bytes(column) + (row as usize) * bytes(n);
        const factors = a + bytes(step) + (row as usize) * bytes(k);
        if (k - step >= 4) addFourRows(to, from, bytes(n), factors, columns);
        else for (let last = 0; last < k - step; last++) addRow(to, from + (last as usize) * bytes(n), factors + bytes(last), columns);
      }
    }
  }
}

/** y += Σ_j factors_j x_j for four rows x_j, `stride` bytes apart. */
function addFourRows(y: usize, x: usize, stride: usize, factors: usize, size: i32): void {
  const f0 = v128.load32_splat(factors);
  const f1 = v128.load32_splat(factors, 4);
  const f2 = v128.load32_splat(factors, 8);
  const f3 = v128.load32_splat(factors, 12);
  let i = 0;
  for (; i + 4 <= size; i += 4) {
    const s01 = madd(f1, v128.load(x + stride), f32x4.mul(f0, v128.load(x)));
    const s23 = madd(f3, v128.load(x + 3 * stride), f32x4.mul(f2, v128.load(x + 2 * stride)));
    v128.store(y, f32x4.add(v128.load(y), f32x4.add(s01, s23)));
    x += 16;
    y += 16;
  }
  for (let j = 0; j < 4; j++) addRow(y, x + (j as usize) * stride, factors + bytes(j), size - i);
}

/** y += factor · x, with the factor in memory. */
function addRow(y: usize, x: usize, factor: usize, size: i32): void {
  const one = load<f32>(factor);
  const all = f32x4.splat(one);
  let i = 0;
  for (; i + 4 <= size; i += 4) {
    v128.store(y, madd(all, v128.load(x), v128.load(y)));
    x += 16;
    y += 16;
  }
  for (; i < size; i++) {
    store<f32>(y, load<f32>(y) + one * load<f32>(x));
    x += 4;
    y += 4;
  }
}
