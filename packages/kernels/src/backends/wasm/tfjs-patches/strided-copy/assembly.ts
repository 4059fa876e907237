/** AssemblyScript, see scripts/build-wasm.mjs. Parts of rows, as splitting and joining tensors need them. */
import { bytes, loadLanes, storeLanes } from '../../vector-math/assembly-lanes';

/** Values of a block. */
const BLOCK: i32 = 1 << 16;

function rowsOfBlock(run: i32): i32 {
  return max(1, BLOCK / max(1, run));
}

/** Into how many blocks {@link copyRuns} cuts its rows. */
export function copyRunsBlocks(rows: i32, run: i32): i32 {
  const ofBlock = rowsOfBlock(run);
  return (rows + ofBlock - 1) / ofBlock;
}

/** `rows` runs of `run` values; from one to the next it is `fromStride` and `toStride` values. */
export function copyRuns(from: usize, to: usize, rows: i32, run: i32, fromStride: i32, toStride: i32, block: i32): void {
  const first = block * rowsOfBlock(run);
  from += (first as usize) * bytes(fromStride);
  to += (first as usize) * bytes(toStride);
  for (let row = first; row < min(rows, first + rowsOfBlock(run)); row++) {
    for (let i = 0; i < run; i += 4) storeLanes(to + bytes(i), loadLanes(from + bytes(i), run - i), run - i);
    from += bytes(fromStride);
    to += bytes(toStride);
  }
}
