/** AssemblyScript, see scripts/build-wasm.mjs. Parts of rows, as splitting and joining tensors need them. */
import { bytes, loadLanes, storeLanes } from '../vector-math/assembly-lanes';

/** `rows` runs of `run` values; from one to the next it is `fromStride` and `toStride` values. */
export function copyRuns(from: usize, to: usize, rows: i32, run: i32, fromStride: i32, toStride: i32): void {
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < run; i += 4) storeLanes(to + bytes(i), loadLanes(from + bytes(i), run - i), run - i);
    from += bytes(fromStride);
    to += bytes(toStride);
  }
}
