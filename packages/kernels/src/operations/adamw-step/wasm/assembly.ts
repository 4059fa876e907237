/** AssemblyScript. One step of AdamW over one block of `size` values, in the order of operations of kernel.ts. */
import { bytes, loadLanes, storeLanes, VALUES_OF_BLOCK } from '../../../backends/wasm/vector-math/assembly-lanes';

/** `keep` is 1 − ηλ, `stepSize` η / (1 − β₁ᵗ), `root` √(1 − β₂ᵗ). The last three addresses receive θ, m and v; they may be the first ones. */
export function adamwStep(
  param: usize,
  grad: usize,
  mean: usize,
  square: usize,
  nextParam: usize,
  nextMean: usize,
  nextSquare: usize,
  size: i32,
  scale: f32,
  beta1: f32,
  rest1: f32,
  beta2: f32,
  rest2: f32,
  keep: f32,
  stepSize: f32,
  root: f32,
  eps: f32,
  block: i32,
): void {
  const end = min(size, (block + 1) * VALUES_OF_BLOCK);
  for (let i = block * VALUES_OF_BLOCK; i < end; i += 4) {
    const at = bytes(i);
    const lanes = end - i;
    const g = f32x4.mul(loadLanes(grad + at, lanes), f32x4.splat(scale));
    const m = f32x4.add(f32x4.mul(loadLanes(mean + at, lanes), f32x4.splat(beta1)), f32x4.mul(g, f32x4.splat(rest1)));
    const v = f32x4.add(f32x4.mul(loadLanes(square + at, lanes), f32x4.splat(beta2)), f32x4.mul(f32x4.mul(g, g), f32x4.splat(rest2)));
    const spread = f32x4.add(f32x4.div(f32x4.sqrt(v), f32x4.splat(root)), f32x4.splat(eps));
    const step = f32x4.mul(f32x4.div(m, spread), f32x4.splat(stepSize));
    const decayed = f32x4.mul(loadLanes(param + at, lanes), f32x4.splat(keep));
    storeLanes(nextParam + at, f32x4.sub(decayed, step), lanes);
    storeLanes(nextMean + at, m, lanes);
    storeLanes(nextSquare + at, v, lanes);
  }
}
