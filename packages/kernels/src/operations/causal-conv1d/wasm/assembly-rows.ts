/** AssemblyScript. One token of a causal convolution and of its gradient: rows of E channels, four side by side. */
import { siluSlopeX4, siluX4 } from '../../../backends/wasm/vector-math/assembly-exp';
import { bytes, loadLanes, storeLanes } from '../../../backends/wasm/vector-math/assembly-lanes';
import { madd } from '../../../backends/wasm/vector-math/assembly-madd';

/** One share of a call; lies in scratch. Rows are E floats long, of which the share's are used; the filter is packed as [⌈E/4⌉, W, 4]. */
@unmanaged
export class Conv {
  length: i32;
  channels: i32;
  /** The share at hand: from the first to before the last channel; the first is a multiple of four. */
  first: i32;
  last: i32;
  width: i32;
  silu: bool;
  /** [E], or 0. */
  bias: usize;
  /** Of one sequence, int32, [T], or 0. */
  documentStarts: usize;
  filter: usize;
  /** The W − 1 rows before the first token, followed by up to W − 1 rows of x: what the outputs read that still see the tail. */
  head: usize;
  /** Of the gradient: dw packed as the filter and dbias, of all sequences and of one. */
  dFilter: usize;
  dFilterOfOne: usize;
  dBias: usize;
  dBiasOfOne: usize;
  /** dz of one sequence with W − 1 rows of zeros on both sides, and the gradients of the tail's rows. */
  dz: usize;
  dHead: usize;

  /** Bytes from the filter's first vector to the share's, and from a row's first value. */
  get filterAt(): usize {
    return bytes(this.first * this.width);
  }
  get shareAt(): usize {
    return bytes(this.first);
  }
  get shareBytes(): usize {
    return bytes(this.last - this.first);
  }
  get row(): usize {
    return bytes(this.channels);
  }
  get filterBytes(): usize {
    return bytes(((this.channels + 3) & ~3) * this.width);
  }
  /** Whether the text starts anew at token t. */
  startsAnew(t: i32): bool {
    return load<i32>(this.documentStarts + bytes(t)) !== 0;
  }
  /** The first of the W columns of the filter that meets an input in token t: what lies before a start is not seen. */
  firstColumn(t: i32): i32 {
    if (this.documentStarts === 0) return 0;
    for (let start = t; start >= 0 && start > t - this.width + 1; start--) {
      if (this.startsAnew(start)) return this.width - 1 - (t - start);
    }
    return 0;
  }
  /** The first column that row k of the past, the tail's rows first, meets in any token: those behind the next start do not see it. */
  firstColumnOfRow(k: i32): i32 {
    if (this.documentStarts === 0) return 0;
    for (let start = max(0, k - this.width + 2); start <= k && start < this.length; start++) {
      if (this.startsAnew(start)) return k - start + 1;
    }
    return 0;
  }
  /** The first of the W rows that token t reads, for a sequence at x. */
  window(x: usize, t: i32): usize {
    const before = this.width - 1;
    return t < before ? this.head + (t as usize) * this.row : x + ((t - before) as usize) * this.row;
  }
}

/** z = Σ_j w_j x_j + bias of four channels over the columns from `first` on, from that column's row. */
function before(c: Conv, rows: usize, filter: usize, channel: usize, lanes: i32, first: i32): v128 {
  let z = f32x4.mul(v128.load(filter), loadLanes(rows, lanes));
  for (let j = first + 1; j < c.width; j++) {
    rows += c.row;
    filter += 16;
    z = madd(v128.load(filter), loadLanes(rows, lanes), z);
  }
  return c.bias ? f32x4.add(z, loadLanes(c.bias + channel, lanes)) : z;
}

/** One row of outputs, from the first of W rows and the first column that counts. */
export function convolveRow(c: Conv, rows: usize, first: i32, y: usize): void {
  let filter = c.filter + c.filterAt + ((first as usize) << 4);
  rows += (first as usize) * c.row;
  for (let e = c.first; e < c.last; e += 4) {
    const lanes = c.last - e;
    const z = before(c, rows + bytes(e), filter, bytes(e), lanes, first);
    storeLanes(y + bytes(e), c.silu ? siluX4(z) : z, lanes);
    filter += (c.width as usize) << 4;
  }
}

/** dz = dy act'(z) of one row; adds dz to dbias, and dz times the row's inputs to dw, both of this sequence. */
export function gradientOfRow(c: Conv, rows: usize, first: i32, dy: usize, dz: usize): void {
  const skipped = (first as usize) << 4;
  let filter = c.filter + c.filterAt + skipped;
  let dFilter = c.dFilterOfOne + c.filterAt + skipped;
  rows += (first as usize) * c.row;
  for (let e = c.first; e < c.last; e += 4) {
    const lanes = c.last - e;
    let slope = loadLanes(dy + bytes(e), lanes);
    if (c.silu) slope = f32x4.mul(slope, siluSlopeX4(before(c, rows + bytes(e), filter, bytes(e), lanes, first)));
    storeLanes(dz + bytes(e), slope, lanes);
    const dBias = c.dBiasOfOne + bytes(e);
    v128.store(dBias, f32x4.add(v128.load(dBias), slope));
    let input = rows + bytes(e);
    for (let j = first; j < c.width; j++) {
      v128.store(dFilter, madd(slope, loadLanes(input, lanes), v128.load(dFilter)));
      input += c.row;
      dFilter += 16;
    }
    dFilter += skipped;
    filter += (c.width as usize) << 4;
  }
}

/** The gradient of one row of inputs: Σ_j w_j dz_(k−j) over the columns from `first` on, where dz points to row k. */
export function gradientOfInput(c: Conv, dz: usize, first: i32, dx: usize): void {
  const skipped = (first as usize) << 4;
  let filter = c.filter + c.filterAt + skipped;
  dz -= (first as usize) * c.row;
  for (let e = c.first; e < c.last; e += 4) {
    const lanes = c.last - e;
    let row = dz + bytes(e);
    let sum = f32x4.splat(0);
    for (let j = first; j < c.width; j++) {
      sum = madd(v128.load(filter), loadLanes(row, lanes), sum);
      row -= c.row;
      filter += 16;
    }
    filter += skipped;
    storeLanes(dx + bytes(e), sum, lanes);
  }
}
