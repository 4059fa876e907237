/** AssemblyScript. Copies a block of a matrix into the panels that the tile of a product reads. */

/**
 * `lanes` rows of A, or columns of B, of `depth` steps each. A panel holds `width` lanes, interleaved step by step; lanes missing from the last panel
 * are zero. `across` and `along` are the distances, in floats, from lane to lane and from step to step.
 */
export function pack(from: usize, to: usize, lanes: i32, depth: i32, across: i32, along: i32, width: i32): void {
  const acrossBytes = (across as usize) << 2;
  const alongBytes = (along as usize) << 2;
  const pitch = (width as usize) << 2;
  for (; lanes > 0; lanes -= width) {
    for (let lane = 0; lane < width; lane += 4) {
      const source = from + (lane as usize) * acrossBytes;
      const target = to + ((lane as usize) << 2);
      const room = min(width - lane, 4);
      if (room === 2 && lane + 2 <= lanes) packTwo(source, target, depth, acrossBytes, alongBytes, pitch);
      else if (min(lanes - lane, room) < 4) packSome(source, target, lanes - lane, room, depth, acrossBytes, alongBytes, pitch);
      else if (across === 1) packSideBySide(source, target, depth, alongBytes, pitch);
      else packAcross(source, target, depth, acrossBytes, pitch);
    }
    from += (width as usize) * acrossBytes;
    to += (depth as usize) * pitch;
  }
}

/** Four lanes that lie side by side. */
function packSideBySide(from: usize, to: usize, depth: i32, along: usize, pitch: usize): void {
  for (let step = 0; step < depth; step++) {
    v128.store(to, v128.load(from));
    from += along;
    to += pitch;
  }
}

/** Four lanes whose steps lie side by side: transposes 4 × 4 values at a time. */
function packAcross(from: usize, to: usize, depth: i32, across: usize, pitch: usize): void {
  let step = 0;
  for (; step + 4 <= depth; step += 4) {
    const row0 = v128.load(from);
    const row1 = v128.load(from + across);
    const row2 = v128.load(from + 2 * across);
    const row3 = v128.load(from + 3 * across);
    const low01 = v128.shuffle<f32>(row0, row1, 0, 4, 1, 5);
    const high01 = v128.shuffle<f32>(row0, row1, 2, 6, 3, 7);
    const low23 = v128.shuffle<f32>(row2, row3, 0, 4, 1, 5);
    const high23 = v128.shuffle<f32>(row2, row3, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
    v128.store(to + pitch, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7));
    v128.store(to + 2 * pitch, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5));
    v128.store(to + 3 * pitch, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7));
    from += 16;
    to += 4 * pitch;
  }
  packSome(from, to, 4, 4, depth - step, across, 4, pitch);
}

/** Two lanes, four steps of each at a time where they lie side by side. */
function packTwo(from: usize, to: usize, depth: i32, across: usize, along: usize, pitch: usize): void {
  let step = 0;
  if (along === 4) {
    for (; step + 4 <= depth; step += 4) {
      const first = v128.load(from);
      const second = v128.load(from + across);
      const low = v128.shuffle<f32>(first, second, 0, 4, 1, 5);
      const high = v128.shuffle<f32>(first, second, 2, 6, 3, 7);
      v128.store_lane<i64>(to, low, 0);
      v128.store_lane<i64>(to + pitch, low, 1);
      v128.store_lane<i64>(to + 2 * pitch, high, 0);
      v128.store_lane<i64>(to + 3 * pitch, high, 1);
      from += 16;
      to += 4 * pitch;
    }
  }
  for (; step < depth; step++) {
    store<f32>(to, load<f32>(from));
    store<f32>(to, load<f32>(from + across), 4);
    from += along;
    to += pitch;
  }
}

/** Up to four lanes value by value where there is room for so many; those beyond the last are zeros. */
function packSome(from: usize, to: usize, lanes: i32, room: i32, depth: i32, across: usize, along: usize, pitch: usize): void {
  for (let step = 0; step < depth; step++) {
    for (let lane = 0; lane < room; lane++) {
      const value: f32 = lane < lanes ? load<f32>(from + (lane as usize) * across) : 0;
      store<f32>(to + ((lane as usize) << 2), value);
    }
    from += along;
    to += pitch;
  }
}
