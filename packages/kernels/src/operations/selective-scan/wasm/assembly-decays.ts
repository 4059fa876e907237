/** AssemblyScript. The decays of a selective scan, apart from what they decay: the exponential alone fills the registers. */
import { exp2InsideX4, exp2X4 } from '../../../backends/wasm/vector-math/assembly-exp';
import { bytes, loadLanes } from '../../../backends/wasm/vector-math/assembly-lanes';
import { Scan } from './assembly-blocks';

/** exp(delta A) = 2^(delta log2 e A). */
const LOG2_E: f32 = Math.LOG2E as f32;

/** exp(delta A) of `count` tokens from `token` on for block i of group g: [count, N, 4] at s.decays. */
export function decaysOfBlock(s: Scan, token: usize, count: i32, g: i32, i: i32): void {
  const lanes = s.lanes(i);
  const A = s.A + s.blockAt(g, i);
  const most = largest(A, s.block);
  let to = s.decays;
  for (let t: usize = 0; t < (count as usize); t++) {
    const delta = loadLanes(s.delta + s.channelAt(token + t, g, i), lanes);
    const step = f32x4.mul(delta, f32x4.splat(LOG2_E));
    // so small in all of a usual text; false where a number is NaN
    const isInside = i32x4.all_true(f32x4.lt(f32x4.mul(f32x4.abs(step), most), f32x4.splat(126)));
    if (isInside) decaysInside(A, step, to, s.states);
    else decays(A, step, to, s.states);
    to += s.block;
  }
}

/** The largest magnitude in each lane of some vectors; NaN where there is one. */
function largest(from: usize, size: usize): v128 {
  let most = f32x4.splat(0);
  for (const end = from + size; from < end; from += 16) most = f32x4.max(most, f32x4.abs(v128.load(from)));
  return most;
}

/** At least one state. The loop is tested at its end: of others V8 makes the constants again each time round. */
function decaysInside(A: usize, step: v128, to: usize, states: i32): void {
  const end = to + bytes(4 * states);
  do {
    v128.store(to, exp2InsideX4(f32x4.mul(step, v128.load(A))));
    A += 16;
    to += 16;
  } while (to < end);
}

function decays(A: usize, step: v128, to: usize, states: i32): void {
  const end = to + bytes(4 * states);
  do {
    v128.store(to, exp2X4(f32x4.mul(step, v128.load(A))));
    A += 16;
    to += 16;
  } while (to < end);
}
