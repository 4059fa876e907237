/**
 * AssemblyScript, see scripts/build-wasm.mjs. The selective scan and its gradient in one pass over time each way: four channels side by
 * side in a vector, their states in scratch, nothing of size [B, T, E, N]. Channels are cut into shares by the sizes alone, one for
 * each block of the call, so that every sum has one order, whatever else runs; dB and dC, which sum over channels, come share by share.
 * Addresses count bytes, 0 stands for an input that is left out; sizes count floats. Letters: B batch, T time, E channels, N state
 * values of a channel, G groups of W = E / G channels that share B and C.
 */
import { bytes } from '../../../backends/wasm/vector-math/assembly-lanes';
import { packRows, Scan, unpackRows } from './assembly-blocks';
import { scanChunk } from './assembly-forward';
import { gradientOfC, gradientOfChunk } from './assembly-gradient';

/** Tokens of a chunk forward: what four channels read of them stays in the first cache for their neighbors. */
const CHUNK: i32 = 32;
/**
 * Vectors of a block's states in one chunk of the gradient, 128 KiB, and as many of decays, dB and dC: read in order, so that the second
 * cache is near enough. Long chunks, since all but the last of a text take a pass more to find the states before them.
 */
const HISTORY: i32 = 8192;
const LONGEST_CHUNK: i32 = 512;
/** Where the blocks start in scratch, after {@link Scan}. */
const HEAD: usize = 192;
/** Shares are enough for several threads to end together, hold at least a cache line of channels, and are worth some 50 µs. */
const MOST_SHARES: i32 = 8;
const LEAST_BLOCKS: i32 = 4;
const WORTH_A_SHARE: i64 = 1 << 13;

function allBlocks(channels: i32, groups: i32): i32 {
  return groups * ((channels / groups + 3) >> 2);
}

/** Into how many shares {@link selectiveScan} and {@link selectiveScanGrad} cut the channels. */
export function selectiveScanBlocks(batch: i32, length: i32, channels: i32, states: i32, groups: i32): i32 {
  const blocks = allBlocks(channels, groups);
  const work = (batch as i64) * (length as i64) * (blocks as i64) * (states as i64);
  return max(1, min(min(MOST_SHARES, blocks / LEAST_BLOCKS), min(MOST_SHARES as i64, work / WORTH_A_SHARE) as i32));
}

/** A call whose blocks of A and h are the first in scratch. */
function newScan(scratch: usize, batch: i32, length: i32, channels: i32, states: i32, groups: i32, share: i32): Scan {
  const s = changetype<Scan>(scratch);
  s.batch = batch;
  s.length = length;
  s.channels = channels;
  s.states = states;
  s.groups = groups;
  s.width = channels / groups;
  s.blocks = (s.width + 3) >> 2;
  const shares = selectiveScanBlocks(batch, length, channels, states, groups);
  s.first = (share * groups * s.blocks) / shares;
  s.last = ((share + 1) * groups * s.blocks) / shares;
  s.A = scratch + HEAD;
  s.h = s.A + s.allBlocks;
  return s;
}

/** Bytes of a state in blocks. */
function stateBytes(channels: i32, states: i32, groups: i32): usize {
  return (groups as usize) * (((channels / groups + 3) >> 2) as usize) * bytes(4 * states);
}

/** Bytes that {@link selectiveScan} needs at `scratch`: A and a state in blocks, one chunk's decays. */
export function selectiveScanScratchBytes(channels: i32, states: i32, groups: i32): usize {
  return HEAD + 2 * stateBytes(channels, states, groups) + (CHUNK as usize) * bytes(4 * states);
}

/** u, delta, y [B, T, E]; A [E, N]; B, C [B, T, G, N]; D [E]; h0, hT [B, E, N]; documentStarts [B, T], int32. */
export function selectiveScan(
  u: usize,
  delta: usize,
  A: usize,
  B: usize,
  C: usize,
  D: usize,
  h0: usize,
  documentStarts: usize,
  y: usize,
  hT: usize,
  batch: i32,
  length: i32,
  channels: i32,
  states: i32,
  groups: i32,
  share: i32,
  scratch: usize,
): void {
  const s = newScan(scratch, batch, length, channels, states, groups, share);
  setInputs(s, u, delta, B, C, D, documentStarts, y);
  s.decays = s.h + s.allBlocks;
  packRows(s, A, s.A);
  for (let b = 0; b < batch; b++) {
    const ofBatch = bytes(b * channels * states);
    packRows(s, h0 ? h0 + ofBatch : 0, s.h);
    for (let t = 0; t < length; t += CHUNK) scanChunk(s, firstToken(s, b) + (t as usize), min(CHUNK, length - t));
    unpackRows(s, s.h, hT + ofBatch, states);
  }
}

function setInputs(s: Scan, u: usize, delta: usize, B: usize, C: usize, D: usize, documentStarts: usize, y: usize): void {
  s.u = u;
  s.delta = delta;
  s.B = B;
  s.C = C;
  s.D = D;
  s.documentStarts = documentStarts;
  s.y = y;
}

function firstToken(s: Scan, b: i32): usize {
  return (b as usize) * (s.length as usize);
}

/** Tokens of a chunk of the gradient: as few chunks as may be, of nearly one length. */
function gradientChunk(length: i32, states: i32): i32 {
  const most = max(8, min(LONGEST_CHUNK, HISTORY / max(1, states)));
  const chunks = (length + most - 1) / most;
  return (length + chunks - 1) / chunks;
}

/** Bytes that {@link selectiveScanGrad} needs at `scratch`: A, w, dA and the state before each chunk in blocks, dD, one chunk's history. */
export function selectiveScanGradScratchBytes(length: i32, channels: i32, states: i32, groups: i32): usize {
  const chunk = gradientChunk(length, states);
  const chunks = (length + chunk - 1) / chunk;
  const history = ((4 * chunk + 2) as usize) * bytes(4 * states);
  return HEAD + (3 + (chunks as usize)) * stateBytes(channels, states, groups) + stateBytes(channels, 1, groups) + history;
}

/**
 * As {@link selectiveScan}; dy as y, dhT as hT, and the gradients as what they belong to, but for dB and dC: [shares, B, T, G, N], to be
 * added up. dh0 and dD are written whether or not h0 and D are given. Of so many other reads of the same states dyReads
 * [reads, B, T, E] and CReads [reads, B, T, G, N] join the gradient of the states.
 */
export function selectiveScanGrad(
  u: usize,
  delta: usize,
  A: usize,
  B: usize,
  C: usize,
  D: usize,
  h0: usize,
  documentStarts: usize,
  dy: usize,
  dhT: usize,
  dyReads: usize,
  CReads: usize,
  du: usize,
  dDelta: usize,
  dA: usize,
  dB: usize,
  dC: usize,
  dh0: usize,
  dD: usize,
  reads: i32,
  batch: i32,
  length: i32,
  channels: i32,
  states: i32,
  groups: i32,
  share: i32,
  scratch: usize,
): void {
  const s = newScan(scratch, batch, length, channels, states, groups, share);
  setInputs(s, u, delta, B, C, D, documentStarts, du); // the way there leaves y where the way back writes du
  s.dy = dy;
  s.du = du;
  s.dDelta = dDelta;
  s.reads = reads;
  s.dyReads = dyReads;
  s.CReads = CReads;
  const shared = bytes(batch * length * groups * states);
  s.dB = dB + (share as usize) * shared;
  s.dC = dC + (share as usize) * shared;
  // groups outside of the share add nothing
  memory.fill(s.dB, 0, shared);
  memory.fill(s.dC, 0, shared);
  const before = setSums(s);
  packRows(s, A, s.A);
  for (let b = 0; b < batch; b++) {
    const ofBatch = bytes(b * channels * states);
    packRows(s, h0 ? h0 + ofBatch : 0, before);
    packRows(s, dhT + ofBatch, s.w);
    gradientOfSequence(s, firstToken(s, b), before);
    unpackRows(s, s.w, dh0 + ofBatch, states);
  }
  unpackRows(s, s.dA, dA, states);
  unpackRows(s, s.dD, dD, 1);
}

/** dC alone, as in {@link selectiveScanGrad}: of a read of states whose other gradients another scan takes on. */
export function selectiveScanGradOfC(
  u: usize,
  delta: usize,
  A: usize,
  B: usize,
  h0: usize,
  documentStarts: usize,
  dy: usize,
  dC: usize,
  batch: i32,
  length: i32,
  channels: i32,
  states: i32,
  groups: i32,
  share: i32,
  scratch: usize,
): void {
  const s = newScan(scratch, batch, length, channels, states, groups, share);
  setInputs(s, u, delta, B, 0, 0, documentStarts, 0);
  s.dy = dy;
  const shared = bytes(batch * length * groups * states);
  s.dC = dC + (share as usize) * shared;
  memory.fill(s.dC, 0, shared);
  s.h = setSums(s);
  packRows(s, A, s.A);
  const chunk = gradientChunk(length, states);
  for (let b = 0; b < batch; b++) {
    packRows(s, h0 ? h0 + bytes(b * channels * states) : 0, s.h);
    for (let t = 0; t < length; t += chunk) gradientOfC(s, firstToken(s, b) + (t as usize), min(chunk, length - t));
  }
}

/** Lays out the scratch behind A, with dA and dD zero; returns the address of the states before each chunk. */
function setSums(s: Scan): usize {
  const chunk = gradientChunk(s.length, s.states) as usize;
  s.w = s.A + s.allBlocks;
  s.dA = s.w + s.allBlocks;
  s.dD = s.dA + s.allBlocks;
  s.history = s.dD + stateBytes(s.channels, 1, s.groups);
  memory.fill(s.dA + s.shareAt, 0, s.shareBytes);
  memory.fill(s.dD + bytes(4 * s.first), 0, bytes(4 * (s.last - s.first)));
  s.decays = s.history + (chunk + 1) * s.block;
  s.sumsB = s.decays + chunk * s.block;
  s.sumsC = s.sumsB + chunk * s.block;
  s.sumsA = s.sumsC + chunk * s.block;
  return s.sumsA + s.block;
}

/** There with the states before every chunk, of which the first is at `before`, and back with the gradients. */
function gradientOfSequence(s: Scan, first: usize, before: usize): void {
  const chunk = gradientChunk(s.length, s.states);
  s.h = before;
  let t = 0;
  for (; t + chunk < s.length; t += chunk) {
    memory.copy(s.h + s.allBlocks + s.shareAt, s.h + s.shareAt, s.shareBytes);
    s.h += s.allBlocks;
    scanChunk(s, first + (t as usize), chunk);
  }
  for (; t >= 0; t -= chunk) {
    gradientOfChunk(s, first + (t as usize), min(chunk, s.length - t));
    s.h -= s.allBlocks;
  }
}
