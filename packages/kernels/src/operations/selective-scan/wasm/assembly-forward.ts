/** AssemblyScript. The selective scan, chunk by chunk of tokens and block by block of channels. */
import { loadLanes, storeLanes } from '../../../backends/wasm/vector-math/assembly-lanes';
import { madd } from '../../../backends/wasm/vector-math/assembly-madd';
import { Scan } from './assembly-blocks';
import { decaysOfBlock } from './assembly-decays';

/** y of `count` tokens from `token` on, and the states after them in place of those before. */
export function scanChunk(s: Scan, token: usize, count: i32): void {
  for (let g = s.firstGroup; g < s.endGroup; g++) {
    for (let i = s.firstBlock(g); i < s.endBlock(g); i++) scanBlock(s, token, count, g, i);
  }
}

function scanBlock(s: Scan, token: usize, count: i32, g: i32, i: i32): void {
  const lanes = s.lanes(i);
  const skip = s.D ? loadLanes(s.D + s.channelAt(0, g, i), lanes) : f32x4.splat(0);
  decaysOfBlock(s, token, count, g, i);
  let decays = s.decays;
  for (const end = token + (count as usize); token < end; token++) {
    if (s.startsAnew(token)) memory.fill(s.h + s.blockAt(g, i), 0, s.block);
    const at = s.channelAt(token, g, i);
    const input = loadLanes(s.u + at, lanes);
    const x = f32x4.mul(loadLanes(s.delta + at, lanes), input);
    const read = advance(s, decays, x, s.sharedAt(token, g), s.blockAt(g, i));
    storeLanes(s.y + at, s.D ? madd(skip, input, read) : read, lanes);
    decays += s.block;
  }
}

/** h = decay h + B x for one token of one block, x = delta u; returns C h. Two state values at a time. */
function advance(s: Scan, decays: usize, x: v128, shared: usize, block: usize): v128 {
  let h = s.h + block;
  let B = s.B + shared;
  let C = s.C + shared;
  let read = f32x4.splat(0);
  let other = read;
  let left = s.states;
  for (; left >= 2; left -= 2) {
    const next0 = madd(v128.load32_splat(B), x, f32x4.mul(v128.load(decays), v128.load(h)));
    const next1 = madd(v128.load32_splat(B, 4), x, f32x4.mul(v128.load(decays, 16), v128.load(h, 16)));
    v128.store(h, next0);
    v128.store(h, next1, 16);
    read = madd(v128.load32_splat(C), next0, read);
    other = madd(v128.load32_splat(C, 4), next1, other);
    decays += 32;
    h += 32;
    B += 8;
    C += 8;
  }
  if (left) {
    const next = madd(v128.load32_splat(B), x, f32x4.mul(v128.load(decays), v128.load(h)));
    v128.store(h, next);
    read = madd(v128.load32_splat(C), next, read);
  }
  return f32x4.add(read, other);
}
