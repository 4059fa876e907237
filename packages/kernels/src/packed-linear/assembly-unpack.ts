/**
 * AssemblyScript. Weights in the panels of pack.ts widened to float32, in the panels that the tile of a product reads: those of 16 outputs
 * become two of 8, step by step.
 */
import { lower, upper } from './assembly-floats';

/** Outputs of a panel of packed weights. */
export const PANEL: i32 = 16;
/** Whole numbers that share a scale. */
export const GROUP: i32 = 32;
/** Bytes of a step of 8 outputs in float32. */
const HALF: usize = 32;

/** How weights are kept: the places of WEIGHT_TYPES in pack.ts. */
export const F32: i32 = 0;
export const BF16: i32 = 1;
export const INT8: i32 = 2;

/** Bytes of a panel of weights [16, width]. */
export function bytesOfPanel(kind: i32, width: i32): usize {
  if (kind === F32) return (width as usize) * 64;
  if (kind === BF16) return (width as usize) * 32;
  return (((width + GROUP - 1) / GROUP) as usize) * bytesOfGroup(kind);
}

function bytesOfGroup(kind: i32): usize {
  return kind === INT8 ? 544 : 288;
}

/** `outputs` outputs from a multiple of 16 on and `depth` inputs from a multiple of 32 on, with the zeros that fill the last panel. */
export function unpackPanels(kind: i32, weights: usize, width: i32, output: i32, outputs: i32, input: i32, depth: i32, to: usize): void {
  const ofPanel = bytesOfPanel(kind, width);
  const end = weights + (((output + outputs + PANEL - 1) / PANEL) as usize) * ofPanel;
  const right = (depth as usize) * HALF;
  for (let panel = weights + ((output / PANEL) as usize) * ofPanel; panel < end; panel += ofPanel) {
    if (kind === F32) unpackF32(panel + (input as usize) * 64, depth, to, right);
    else if (kind === BF16) unpackBf16(panel + (input as usize) * 32, depth, to, right);
    else unpackGroups(kind, panel + ((input / GROUP) as usize) * bytesOfGroup(kind), depth, to, right);
    to += 2 * right;
  }
}

function unpackF32(w: usize, depth: i32, to: usize, right: usize): void {
  for (let step = 0; step < depth; step++) {
    v128.store(to, v128.load(w));
    v128.store(to, v128.load(w, 16), 16);
    v128.store(to + right, v128.load(w, 32));
    v128.store(to + right, v128.load(w, 48), 16);
    w += 64;
    to += HALF;
  }
}

function unpackBf16(w: usize, depth: i32, to: usize, right: usize): void {
  for (let step = 0; step < depth; step++) {
    const first = v128.load(w);
    const second = v128.load(w, 16);
    v128.store(to, lower(first));
    v128.store(to, upper(first), 16);
    v128.store(to + right, lower(second));
    v128.store(to + right, upper(second), 16);
    w += 32;
    to += HALF;
  }
}

/** Groups of 32 inputs: 16 scales, then pairs of inputs. */
function unpackGroups(kind: i32, w: usize, depth: i32, to: usize, right: usize): void {
  for (let left = depth; left > 0; left -= GROUP) {
    const low = v128.load(w);
    const high = v128.load(w, 16);
    const some = min(left, GROUP);
    if (kind === INT8) unpackInt8(w + 32, some, lower(low), upper(low), lower(high), upper(high), to, right);
    else unpackInt4(w + 32, some, lower(low), upper(low), lower(high), upper(high), to, right);
    w += bytesOfGroup(kind);
    to += (GROUP as usize) * HALF;
  }
}

function unpackInt8(w: usize, depth: i32, s0: v128, s1: v128, s2: v128, s3: v128, to: usize, right: usize): void {
  for (let step = 0; step < depth; step += 2) {
    const both = depth - step > 1;
    storePair(v128.load_ext<i8>(w), s0, to, both);
    storePair(v128.load_ext<i8>(w, 8), s1, to + 16, both);
    storePair(v128.load_ext<i8>(w, 16), s2, to + right, both);
    storePair(v128.load_ext<i8>(w, 24), s3, to + right + 16, both);
    w += 32;
    to += 2 * HALF;
  }
}

/** Four numbers of 4 bits in 16: 0 to 15 for −8 to 7. */
function unpackInt4(w: usize, depth: i32, s0: v128, s1: v128, s2: v128, s3: v128, to: usize, right: usize): void {
  const nibble = i16x8.splat(15);
  const eight = i16x8.splat(8);
  for (let step = 0; step < depth; step += 2) {
    const both = depth - step > 1;
    const four = v128.load(w);
    storePair(i16x8.sub(v128.and(four, nibble), eight), s0, to, both);
    storePair(i16x8.sub(v128.and(i16x8.shr_u(four, 4), nibble), eight), s1, to + 16, both);
    storePair(i16x8.sub(v128.and(i16x8.shr_u(four, 8), nibble), eight), s2, to + right, both);
    storePair(i16x8.sub(i16x8.shr_u(four, 12), eight), s3, to + right + 16, both);
    w += 16;
    to += 2 * HALF;
  }
}

/** Numbers of 16 bits of four outputs, of one input in the lower halves of words and, where there are `both`, of the next in the upper. */
function storePair(numbers: v128, scale: v128, to: usize, both: bool): void {
  const first = i32x4.shr_s(i32x4.shl(numbers, 16), 16);
  v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(first), scale));
  if (both) v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_s(numbers, 16)), scale), HALF);
}
