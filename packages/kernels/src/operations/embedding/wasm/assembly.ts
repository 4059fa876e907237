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

/** Values of dw that are worth a block: most of the work is to clear them. */
const BLOCK: i64 = 1 << 17;
const MOST_BLOCKS: i64 = 16;

/** Into how many blocks {@link embeddingGrad} cuts the vocabulary. */
export function embeddingGradBlocks(width: i32, vocabulary: i32): i32 {
  return max(1, min(min(MOST_BLOCKS, vocabulary as i64), ((vocabulary as i64) * (width as i64)) / BLOCK)) as i32;
}

/** dw[ids_i] += dy_i from zero, in the order of i, except where ids_i is `padding`: dy [count, width], dw [V, width]. A block has some ids. */
export function embeddingGrad(ids: usize, dy: usize, dw: usize, count: i32, width: i32, vocabulary: i32, padding: i32, block: i32): void {
  const row = (width as usize) << 2;
  const blocks = embeddingGradBlocks(width, vocabulary) as i64;
  const first = (((block as i64) * (vocabulary as i64)) / blocks) as i32;
  const end = ((((block + 1) as i64) * (vocabulary as i64)) / blocks) as i32;
  memory.fill(dw + (first as usize) * row, 0, ((end - first) as usize) * row);
  for (let i = 0; i < count; i++) {
    const id = load<i32>(ids);
    if (id !== padding && id >= first && id < end) addRow(dw + (id as usize) * row, dy, width);
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
