/** AssemblyScript. Copies a block of a matrix into the panels that the tile of a product reads. */

/**
 * `lanes` rows of A, or columns of B, of `depth` steps each. A panel holds `width` lanes (4 or 8), interleaved step by step;
 * lanes missing from the last panel are zero. `across` and `along` are the distances, in floats, from lane to lane and from step to step.
 */
export function pack(from: usize, to: usize, lanes: i32, depth: i32, across: i32, along: i32, width: i32): void {
  const acrossBytes = (across as usize) << 2;
  const alongBytes = (along as usize) << 2;
  const pitch = (width as usize) << 2;
  for (let lane = 0; lane < lanes; lane += 4) {
    const inPanel = lane % width;
    const target = to + ((((lane - inPanel) as usize) * (depth as usize) + (inPanel as usize)) << 2);
    const source = from + (lane as usize) * acrossBytes;
    if (lanes - lane < 4) packSome(source, target, lanes - lane, depth, acrossBytes, alongBytes, pitch);
    else if (across === 1) packSideBySide(source, target, depth, alongBytes, pitch);
    else packAcross(source, target, depth, acrossBytes, pitch);
  }
  const packed = ((lanes + 3) / 4) * 4;
  const inPanel = packed % width;
  if (inPanel > 0) clear(to + ((((packed - inPanel) as usize) * (depth as usize) + (inPanel as usize)) << 2), depth, pitch);
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
  packSome(from, to, 4, depth - step, across, 4, pitch);
}

/** Up to four lanes value by value, the missing ones as zeros. */
function packSome(from: usize, to: usize, lanes: i32, depth: i32, across: usize, along: usize, pitch: usize): void {
  for (let step = 0; step < depth; step++) {
    for (let lane = 0; lane < 4; lane++) {
      const value: f32 = lane < lanes ? load<f32>(from + (lane as usize) * across) : 0;
      store<f32>(to + ((lane as usize) << 2), value);
    }
    from += along;
    to += pitch;
  }
}

/** Four lanes of zeros. */
function clear(to: usize, depth: i32, pitch: usize): void {
  for (let step = 0; step < depth; step++) {
    v128.store(to, f32x4.splat(0));
    to += pitch;
  }
}
