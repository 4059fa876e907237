/** AssemblyScript. The decay scan over one chunk of one head; for the equations see chunk.ts. */
import { expX4 } from '../../../backends/wasm/vector-math/assembly-exp';
import { bytes, loadLanes, storeLanes } from '../../../backends/wasm/vector-math/assembly-lanes';
import { madd } from '../../../backends/wasm/vector-math/assembly-madd';
import { addScaled, gather, multiply, multiplyInto, Scan, scale, scaleAndAdd, setDecays } from './assembly-chunk';

/** The chunk's rows of k and v, and its decays. */
export function readChunk(s: Scan, k: usize, v: usize, t: i32, count: i32): void {
  gather(s, k, s.k, t, count, s.keys);
  gather(s, v, s.v, t, count, s.values);
  setDecays(s, t, count);
}

/** S = exp(c_C) S + (K ⊙ exp(c_C − c))ᵀ V. Scales the rows of k in place. */
export function advanceState(s: Scan, count: i32): void {
  for (let j = 0; j < count; j++) scale(s.k + bytes(j * s.keys), s.toEnd(count, j), s.keys);
  multiply(s, s.k, s.v, s.gained, s.keys, count, s.values, true, false);
  scaleAndAdd(s.state, s.whole(count), s.gained, s.keys * s.values);
}

/** o of the chunk that was read, = (Q Kᵀ ⊙ M) V + exp(c) Q S. */
export function writeOutputs(s: Scan, q: usize, o: usize, t: i32, count: i32): void {
  gather(s, q, s.q, t, count, s.keys);
  multiply(s, s.q, s.k, s.products, count, s.keys, count, false, true);
  multiplyInto(s.products, s.between, count * count);
  multiply(s, s.products, s.v, s.left, count, count, s.values, false, false);
  multiply(s, s.q, s.state, s.right, count, s.keys, s.values, false, false);
  for (let i = 0; i < count; i++) {
    const row = bytes(i * s.values);
    addScaled(o + s.at(t + i, s.values), s.left + row, load<f32>(s.fromStart + bytes(i)), s.right + row, s.values);
  }
}

/** A chunk of one token, the recurrent form: S = a S + kᵀ v, o = q S. Each row of the state is read once. */
export function oneToken(s: Scan, q: usize, k: usize, v: usize, o: usize, t: i32): void {
  const decay = expX4(f32x4.splat(s.lnDecay(t)));
  const keysAt = s.at(t, s.keys);
  const valuesAt = s.at(t, s.values);
  memory.fill(o + valuesAt, 0, bytes(s.values));
  for (let i = 0; i < s.keys; i++) {
    const key = v128.load32_splat(k + keysAt + bytes(i));
    const query = v128.load32_splat(q + keysAt + bytes(i));
    const row = s.state + bytes(i * s.values);
    for (let j = 0; j < s.values; j += 4) {
      const left = s.values - j;
      const to = o + valuesAt + bytes(j);
      const next = madd(decay, loadLanes(row + bytes(j), left), f32x4.mul(key, loadLanes(v + valuesAt + bytes(j), left)));
      storeLanes(row + bytes(j), next, left);
      storeLanes(to, madd(query, next, loadLanes(to, left)), left);
    }
  }
}
