/** AssemblyScript, see scripts/build-wasm.mjs. Rows of a matrix by id, and sums into such rows. Ids must lie in the matrix. */

/** out_i = w[ids_i]: w [V, width], `count` ids, out [count, width]. */
export function embedding(ids: usize, w: usize, out: usize, count: i32, width: i32): void {
  const row = (width as usize) << 2;
  for (let i = 0; i < count; i++) {
    memory.copy(out, w + (load<u32>(ids) as usize) * row, row);
    ids += 4;
    out += row;
  }
}

/** dw[ids_i] += dy_i from zero, except where ids_i is `padding`: dy [count, width], dw [V, width]. */
export function embeddingGrad(ids: usize, dy: usize, dw: usize, count: i32, width: i32, vocabulary: i32, padding: i32): void {
  const row = (width as usize) << 2;
  memory.fill(dw, 0, (vocabulary as usize) * row);
  for (let i = 0; i < count; i++) {
    const id = load<i32>(ids);
    if (id !== padding) addRow(dw + (id as usize) * row, dy, width);
    ids += 4;
    dy += row;
  }
}

function addRow(to: usize, from: usize, width: i32): void {
  let i = 0;
  for (; i + 4 <= width; i += 4) {
    v128.store(to, f32x4.add(v128.load(to), v128.load(from)));
    to += 16;
    from += 16;
  }
  for (; i < width; i++) {
    store<f32>(to, load<f32>(to) + load<f32>(from));
    to += 4;
    from += 4;
  }
}
