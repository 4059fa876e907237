/**
 * AssemblyScript, see scripts/build-wasm.mjs. The decay scan and its gradient, chunkwise on products of matrices, one head of one
 * sequence after the other: nothing but chunks and states lies in scratch. A block is some of all B H heads; each writes to places of
 * its own. Addresses count bytes, 0 stands for an input that is left out; sizes count floats. Letters: B batch, T time, H heads, K and V
 * widths of keys and values.
 */
import { bytes } from '../../../backends/wasm/vector-math/assembly-lanes';
import { layOut, Scan, scratchBytes } from './assembly-chunk';
import { advanceState, oneToken, readChunk, writeOutputs } from './assembly-forward';
import { Gradients, gradientOfChunk } from './assembly-gradient';

/** Tokens of a chunk. The result does not depend on it. */
const CHUNK: i32 = 64;
/** Multiplications that are worth a block, some 50 µs. */
const WORTH_A_BLOCK: i64 = 1 << 19;

function chunkOf(length: i32): i32 {
  return min(length, CHUNK);
}

function chunksOf(length: i32): i32 {
  return (length + CHUNK - 1) / CHUNK;
}

/** Heads of one block, counted through the batch. */
function headsOfBlock(length: i32, keys: i32, values: i32): i32 {
  const ofToken = ((chunkOf(length) as i64) + (min(keys, values) as i64)) * ((keys + values) as i64);
  return max(1, WORTH_A_BLOCK / max(1, (length as i64) * ofToken)) as i32;
}

/** Into how many blocks {@link decayScan} and {@link decayScanGrad} cut the heads. */
export function decayScanBlocks(batch: i32, length: i32, heads: i32, keys: i32, values: i32): i32 {
  const ofBlock = headsOfBlock(length, keys, values);
  return (batch * heads + ofBlock - 1) / ofBlock;
}

/** Bytes that {@link decayScan} needs at `scratch`. */
export function decayScanScratchBytes(length: i32, keys: i32, values: i32): usize {
  return scratchBytes(chunkOf(length), keys, values, 1);
}

/** Item of all heads: the sequences of one head follow each other, so that decays of a constant rate are computed once. */
function choose(s: Scan, item: i32, batch: i32): void {
  s.head = item / batch;
  s.first = ((item % batch) as usize) * (s.length as usize);
}

/** Bytes from the first state of [B, H, K, V] to that of an item. */
function stateAt(s: Scan, item: i32, batch: i32): usize {
  return ((item % batch) * s.heads + s.head) * s.stateBytes;
}

function startState(s: Scan, from: usize, ofItem: usize): void {
  if (from) memory.copy(s.state, from + ofItem, s.stateBytes);
  else memory.fill(s.state, 0, s.stateBytes);
}

function newScan(
  scratch: usize,
  logDecay: usize,
  documentStarts: usize,
  length: i32,
  heads: i32,
  keys: i32,
  values: i32,
  constant: bool,
): Scan {
  const s = layOut(scratch, chunkOf(length), keys, values);
  s.length = length;
  s.heads = heads;
  s.constant = constant;
  s.logDecay = logDecay;
  s.documentStarts = documentStarts;
  return s;
}

/** q, k [B, T, H, K]; v, o [B, T, H, V]; logDecay [B, T, H], or [H] if `constant`; s0, sT [B, H, K, V]; documentStarts [B, T], int32. */
export function decayScan(
  q: usize,
  k: usize,
  v: usize,
  logDecay: usize,
  s0: usize,
  documentStarts: usize,
  o: usize,
  sT: usize,
  batch: i32,
  length: i32,
  heads: i32,
  keys: i32,
  values: i32,
  constant: bool,
  block: i32,
  scratch: usize,
): void {
  const s = newScan(scratch, logDecay, documentStarts, length, heads, keys, values, constant);
  const ofBlock = headsOfBlock(length, keys, values);
  for (let item = block * ofBlock; item < min(batch * heads, (block + 1) * ofBlock); item++) {
    choose(s, item, batch);
    const ofItem = stateAt(s, item, batch);
    startState(s, s0, ofItem);
    for (let t = 0; t < length; t += CHUNK) {
      const count = min(CHUNK, length - t);
      if (count === 1) {
        oneToken(s, q, k, v, o, t);
        continue;
      }
      readChunk(s, k, v, t, count);
      writeOutputs(s, q, o, t, count);
      advanceState(s, count);
    }
    memory.copy(sT + ofItem, s.state, s.stateBytes);
  }
}

/** Bytes that {@link decayScanGrad} needs at `scratch`: the state before each chunk as well. */
export function decayScanGradScratchBytes(length: i32, keys: i32, values: i32): usize {
  return scratchBytes(chunkOf(length), keys, values, chunksOf(length)) + offsetof<Gradients>() + 3 * bytes(CHUNK + 4);
}

function layOutGradients(at: usize): Gradients {
  const to = changetype<Gradients>(at);
  to.ofFromStart = at + offsetof<Gradients>();
  to.ofToEnd = to.ofFromStart + bytes(CHUNK + 4);
  to.ofBetween = to.ofToEnd + bytes(CHUNK + 4);
  return to;
}

/** As {@link decayScan}; dO as o, dST as sT, and the gradients as what they belong to; that of ln a [B, T, H], or [B, H] if `constant`, to be added up; 0 for none. */
export function decayScanGrad(
  q: usize,
  k: usize,
  v: usize,
  logDecay: usize,
  s0: usize,
  documentStarts: usize,
  dO: usize,
  dST: usize,
  dq: usize,
  dk: usize,
  dv: usize,
  ds0: usize,
  dLogDecay: usize,
  batch: i32,
  length: i32,
  heads: i32,
  keys: i32,
  values: i32,
  constant: bool,
  block: i32,
  scratch: usize,
): void {
  const s = newScan(scratch, logDecay, documentStarts, length, heads, keys, values, constant);
  const to = layOutGradients(s.state + (chunksOf(length) as usize) * s.stateBytes);
  to.q = dq;
  to.k = dk;
  to.v = dv;
  to.logDecay = dLogDecay;
  const firstState = s.state;
  const ofBlock = headsOfBlock(length, keys, values);
  for (let item = block * ofBlock; item < min(batch * heads, (block + 1) * ofBlock); item++) {
    choose(s, item, batch);
    const ofItem = stateAt(s, item, batch);
    s.state = firstState;
    startState(s, s0, ofItem);
    memory.copy(s.after, dST + ofItem, s.stateBytes);
    to.rate = 0;
    gradientOfSequence(s, to, q, k, v, dO);
    memory.copy(ds0 + ofItem, s.after, s.stateBytes);
    if (constant && dLogDecay) store<f32>(dLogDecay + bytes((item % batch) * heads + s.head), to.rate as f32);
  }
}

/** There with the state before every chunk, and back with the gradients. */
function gradientOfSequence(s: Scan, to: Gradients, q: usize, k: usize, v: usize, dO: usize): void {
  let t = 0;
  for (; t + CHUNK < s.length; t += CHUNK) {
    memory.copy(s.state + s.stateBytes, s.state, s.stateBytes);
    s.state += s.stateBytes;
    readChunk(s, k, v, t, CHUNK);
    advanceState(s, CHUNK);
  }
  for (; t >= 0; t -= CHUNK) {
    const count = min(CHUNK, s.length - t);
    readChunk(s, k, v, t, count);
    gradientOfChunk(s, to, q, dO, t, count);
    s.state -= s.stateBytes;
  }
}
