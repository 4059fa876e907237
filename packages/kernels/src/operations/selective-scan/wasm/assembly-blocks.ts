/**
 * AssemblyScript. One call of the scan and how it lays out what it keeps: a group's W channels in blocks of four, one vector per block
 * and state value, [G, blocks, N, 4]. Lanes missing from a group's last block hold zeros, which stay zeros: with delta = 0 nothing
 * decays or is driven.
 */

import { bytes } from '../../../backends/wasm/vector-math/assembly-lanes';
import { pack } from '../../matmul/wasm/assembly-pack';

/** Lies in scratch. Addresses of tensors point to their first value, 0 where one is left out; those of blocks and sums to scratch. */
@unmanaged
export class Scan {
  batch: i32;
  length: i32;
  channels: i32;
  states: i32;
  groups: i32;
  /** Channels of one group, and the blocks that hold them. */
  width: i32;
  blocks: i32;
  /** The share at hand: from the first to before the last of all blocks, counted through all groups. */
  first: i32;
  last: i32;
  u: usize;
  delta: usize;
  B: usize;
  C: usize;
  D: usize;
  /** int32, [B, T]. */
  documentStarts: usize;
  y: usize;
  /** A and the state, as blocks. */
  A: usize;
  h: usize;
  /** Of the gradient: tensors, */
  dy: usize;
  du: usize;
  dDelta: usize;
  dB: usize;
  dC: usize;
  /** dy and C of other reads of the states, [reads, B, T, E] and [reads, B, T, G, N], */
  reads: i32;
  dyReads: usize;
  CReads: usize;
  /** blocks of what a token hands to the one before it, of dA, and of dD, whose N is 1, */
  w: usize;
  dA: usize;
  dD: usize;
  /** one block's states and decays in one chunk, [count + 1, N, 4] and [count, N, 4], and one group's dB and dC before their lanes are added,
   * and one block's dA. */
  history: usize;
  decays: usize;
  sumsB: usize;
  sumsC: usize;
  sumsA: usize;

  /** Of the whole batch. */
  get tokens(): usize {
    return (this.batch as usize) * (this.length as usize);
  }
  /** Bytes of one block, and of all. */
  get block(): usize {
    return bytes(4 * this.states);
  }
  get allBlocks(): usize {
    return (this.groups as usize) * (this.blocks as usize) * this.block;
  }
  /** Bytes from the first value of u to the first channel of block i of group g, for a token counted over the whole batch. */
  channelAt(token: usize, g: i32, i: i32): usize {
    return token * bytes(this.channels) + bytes(g * this.width + 4 * i);
  }
  /** Bytes from the first value of B to that of group g. */
  sharedAt(token: usize, g: i32): usize {
    return (token * (this.groups as usize) + (g as usize)) * bytes(this.states);
  }
  /** Whether the state starts anew before a token, counted over the whole batch. */
  startsAnew(token: usize): bool {
    return this.documentStarts !== 0 && load<i32>(this.documentStarts + (token << 2)) !== 0;
  }
  /** The share's first group, and the one behind its last. */
  get firstGroup(): i32 {
    return this.first / this.blocks;
  }
  get endGroup(): i32 {
    return (this.last + this.blocks - 1) / this.blocks;
  }
  /** Of a group the first block in the share, and the one behind its last. */
  firstBlock(g: i32): i32 {
    return max(0, this.first - g * this.blocks);
  }
  endBlock(g: i32): i32 {
    return min(this.blocks, this.last - g * this.blocks);
  }
  /** Where a share begins among blocks, and its bytes. */
  get shareAt(): usize {
    return (this.first as usize) * this.block;
  }
  get shareBytes(): usize {
    return ((this.last - this.first) as usize) * this.block;
  }
  blockAt(g: i32, i: i32): usize {
    return ((g * this.blocks + i) as usize) * this.block;
  }
  /** How many of four lanes of block i are channels. */
  lanes(i: i32): i32 {
    return min(4, this.width - 4 * i);
  }
}

/** The share's rows of a matrix [E, states], all zeros where its address is 0, as blocks. */
export function packRows(s: Scan, from: usize, to: usize): void {
  if (from === 0) {
    memory.fill(to + s.shareAt, 0, s.shareBytes);
    return;
  }
  for (let g = s.firstGroup; g < s.endGroup; g++) {
    const i = s.firstBlock(g);
    const rows = min(4 * s.endBlock(g), s.width) - 4 * i;
    pack(from + bytes((g * s.width + 4 * i) * s.states), to + s.blockAt(g, i), rows, s.states, s.states, 1, 4);
  }
}

/** The share's blocks with `states` vectors each back to a matrix [E, states]. */
export function unpackRows(s: Scan, from: usize, to: usize, states: i32): void {
  for (let g = s.firstGroup; g < s.endGroup; g++) {
    for (let channel = 4 * s.firstBlock(g); channel < min(4 * s.endBlock(g), s.width); channel++) {
      const lane = from + bytes((g * s.blocks + (channel >> 2)) * 4 * states + (channel & 3));
      const row = to + bytes((g * s.width + channel) * states);
      for (let n = 0; n < states; n++) store<f32>(row + bytes(n), load<f32>(lane + bytes(4 * n)));
    }
  }
}
