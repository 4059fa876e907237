/** AssemblyScript. The selective scan, chunk by chunk of tokens and block by block of channels. */
import { exp2X4 } from '../vector-math/assembly-exp';
import { loadLanes, storeLanes } from '../vector-math/assembly-lanes';
import { madd } from '../vector-math/assembly-madd';
import { Scan } from './assembly-blocks';

/** exp(delta A) = 2^(delta log2 e A). */
export const LOG2_E: f32 = Math.LOG2E as f32;

/** y of `count` tokens from `token` on, and the states after them in place of those before. */
export function scanChunk(s: Scan, token: usize, count: i32): void {
  for (let g = s.firstGroup; g < s.endGroup; g++) {
    for (let i = s.firstBlock(g); i < s.endBlock(g); i++) scanBlock(s, token, count, g, i);
  }
}

function scanBlock(s: Scan, token: usize, count: i32, g: i32, i: i32): void {
  const lanes = s.lanes(i);
  const skip = s.D ? loadLanes(s.D + s.channelAt(0, g, i), lanes) : f32x4.splat(0);
  for (const end = token + (count as usize); token < end; token++) {
    if (s.startsAnew(token)) memory.fill(s.h + s.blockAt(g, i), 0, s.block);
    const at = s.channelAt(token, g, i);
    const input = loadLanes(s.u + at, lanes);
    const delta = loadLanes(s.delta + at, lanes);
    const read = advance(s, delta, f32x4.mul(delta, input), s.sharedAt(token, g), s.blockAt(g, i));
    storeLanes(s.y + at, s.D ? madd(skip, input, read) : read, lanes);
  }
}

/** h = exp(delta A) h + B x for one token of one block, x = delta u; returns C h. Two state values at a time. */
function advance(s: Scan, delta: v128, x: v128, shared: usize, block: usize): v128 {
  const step = f32x4.mul(delta, f32x4.splat(LOG2_E));
  let A = s.A + block;
  let h = s.h + block;
  let B = s.B + shared;
  let C = s.C + shared;
  let read = f32x4.splat(0);
  let other = read;
  let left = s.states;
  for (; left >= 2; left -= 2) {
    const decay0 = exp2X4(f32x4.mul(step, v128.load(A)));
    const decay1 = exp2X4(f32x4.mul(step, v128.load(A, 16)));
    const next0 = madd(v128.load32_splat(B), x, f32x4.mul(decay0, v128.load(h)));
    const next1 = madd(v128.load32_splat(B, 4), x, f32x4.mul(decay1, v128.load(h, 16)));
    v128.store(h, next0);
    v128.store(h, next1, 16);
    read = madd(v128.load32_splat(C), next0, read);
    other = madd(v128.load32_splat(C, 4), next1, other);
    A += 32;
    h += 32;
    B += 8;
    C += 8;
  }
  if (left) {
    const decay = exp2X4(f32x4.mul(step, v128.load(A)));
    const next = madd(v128.load32_splat(B), x, f32x4.mul(decay, v128.load(h)));
    v128.store(h, next);
    read = madd(v128.load32_splat(C), next, read);
  }
  return f32x4.add(read, other);
}
