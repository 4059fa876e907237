/** AssemblyScript. One token of the causal convolution. Letters: B texts, E channels, W width. */
import { siluX4 } from '../vector-math/assembly-exp';
import { bytes, loadLanes, storeLanes, sumsOf } from '../vector-math/assembly-lanes';

/** Channels of a block: some µs, several times what it takes a thread to begin one. */
const BLOCK: i32 = 384;

/** Into how many blocks {@link convolutionStep} cuts its channels. */
export function convolutionStepBlocks(batch: i32, channels: i32): i32 {
  return batch * ((channels + BLOCK - 1) / BLOCK);
}

/**
 * y = silu(bias + Σ_j w_j x_(t−W+1+j)). x rows of `stride`, w [E, W], bias [E] or 0, tail [B, E, W−1] newest last and replaced, y [B, E].
 */
export function convolutionStep(
  x: usize,
  stride: i32,
  w: usize,
  bias: usize,
  tail: usize,
  y: usize,
  channels: i32,
  width: i32,
  block: i32,
): void {
  const blocks = (channels + BLOCK - 1) / BLOCK;
  const row = block / blocks;
  const first = (block % blocks) * BLOCK;
  const end = min(channels, first + BLOCK);
  x += bytes(row * stride);
  y += bytes(row * channels);
  tail += bytes(row * channels) * ((width - 1) as usize);
  for (let e = first; e < end; e += 4) {
    const lanes = end - e;
    const filter = w + bytes(e * width);
    const before = tail + bytes(e * (width - 1));
    let sum = bias ? loadLanes(bias + bytes(e), lanes) : f32x4.splat(0);
    if (width === 4 && lanes >= 4) sum = f32x4.add(sum, fourOfWidthFour(x + bytes(e), filter, before));
    else
      for (let lane = 0; lane < min(4, lanes); lane++) {
        const own = oneChannel(load<f32>(x + bytes(e + lane)), filter + bytes(lane * width), before + bytes(lane * (width - 1)), width);
        sum = f32x4.add(sum, v128.and(f32x4.splat(own), i32x4.eq(i32x4(0, 1, 2, 3), i32x4.splat(lane))));
      }
    storeLanes(y + bytes(e), siluX4(sum), lanes);
  }
}

/** Sums of four channels, whose tails of three values lie in three vectors: as rows (oldest … newest), each times its filter. */
function fourOfWidthFour(x: usize, w: usize, tail: usize): v128 {
  const newest = v128.load(x);
  const a = v128.load(tail);
  const b = v128.load(tail, 16);
  const c = v128.load(tail, 32);
  const r0 = v128.shuffle<f32>(a, newest, 0, 1, 2, 4);
  const r1 = v128.shuffle<f32>(v128.shuffle<f32>(a, b, 3, 4, 5, 5), newest, 0, 1, 2, 5);
  const r2 = v128.shuffle<f32>(v128.shuffle<f32>(b, c, 2, 3, 4, 4), newest, 0, 1, 2, 6);
  const r3 = v128.shuffle<f32>(c, newest, 1, 2, 3, 7);
  v128.store(tail, v128.shuffle<f32>(r0, r1, 1, 2, 3, 5));
  v128.store(tail, v128.shuffle<f32>(r1, r2, 2, 3, 5, 6), 16);
  v128.store(tail, v128.shuffle<f32>(r2, r3, 3, 5, 6, 7), 32);
  const first = f32x4.mul(r0, v128.load(w));
  const second = f32x4.mul(r1, v128.load(w, 16));
  const third = f32x4.mul(r2, v128.load(w, 32));
  return sumsOf(first, second, third, f32x4.mul(r3, v128.load(w, 48)));
}

function oneChannel(newest: f32, w: usize, tail: usize, width: i32): f32 {
  const before = width - 1;
  let sum: f32 = 0;
  for (let j = 0; j < before; j++) sum += load<f32>(w + bytes(j)) * load<f32>(tail + bytes(j));
  for (let j = 1; j < before; j++) store<f32>(tail + bytes(j - 1), load<f32>(tail + bytes(j)));
  if (before > 0) store<f32>(tail + bytes(before - 1), newest);
  return sum + load<f32>(w + bytes(before)) * newest;
}
