/**
 * AssemblyScript. Weights in the panels of pack.ts widened for the tile of a product: from bfloat16 to float32, in panels of 16 outputs as those of
 * float32 are, or from integers to 16 bits, in panels of 8.
 */
import { lower, upper } from './assembly-floats';

/** Outputs of a panel of packed weights. */
export const PANEL: i32 = 16;
/** Whole numbers that share a scale. */
export const GROUP: i32 = 32;
/** 32-bit words of a row's group of activations: 32 numbers of 16 bits, a scale, a sum. As many a group of widened weights takes, with nothing for a sum. */
export const GROUP_WORDS: i32 = 18;
/** Pairs of inputs in a group. */
export const PAIRS: i32 = 16;
/** Bytes of 8 outputs: of a step in float32, or of a pair of inputs in 16 bits. */
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

/** Bytes of a group of a panel of integers. */
export function bytesOfGroup(kind: i32): usize {
  return kind === INT8 ? 544 : 288;
}

/** Words of a row of x, and of the widened weights of an output. */
export function wordsOf(kind: i32, width: i32): i32 {
  return kind > BF16 ? ((width + GROUP - 1) / GROUP) * GROUP_WORDS : width;
}

/**
 * `outputs` outputs from a multiple of 16 on, not of float32, which needs no more, `depth` of their words from `word` on, for quantized weights both multiples of {@link GROUP_WORDS}; with the zeros that fill
 * the last panel. A panel has `words` words of each output in all.
 */
export function unpackPanels(kind: i32, weights: usize, words: i32, output: i32, outputs: i32, word: i32, depth: i32, to: usize): void {
  const ofPanel = kind > BF16 ? ((words / GROUP_WORDS) as usize) * bytesOfGroup(kind) : bytesOfPanel(kind, words);
  const end = weights + (((output + outputs + PANEL - 1) / PANEL) as usize) * ofPanel;
  const right = (depth as usize) * HALF;
  for (let panel = weights + ((output / PANEL) as usize) * ofPanel; panel < end; panel += ofPanel) {
    if (kind === BF16) unpackBf16(panel + (word as usize) * 32, depth, to);
    else widenGroups(kind, panel + ((word / GROUP_WORDS) as usize) * bytesOfGroup(kind), depth / GROUP_WORDS, to, right);
    to += 2 * right;
  }
}

function unpackBf16(w: usize, depth: i32, to: usize): void {
  for (let step = 0; step < depth; step++) {
    const first = v128.load(w);
    const second = v128.load(w, 16);
    v128.store(to, lower(first));
    v128.store(to, upper(first), 16);
    v128.store(to, lower(second), 32);
    v128.store(to, upper(second), 48);
    w += 32;
    to += 2 * HALF;
  }
}

/** Groups of 32 inputs: for each half of the outputs the numbers of pairs of inputs, then the scales. */
function widenGroups(kind: i32, w: usize, groups: i32, to: usize, right: usize): void {
  for (; groups > 0; groups--) {
    const low = v128.load(w);
    const high = v128.load(w, 16);
    if (kind === INT8) widenInt8(w + 32, to, right);
    else widenInt4(w + 32, to, right);
    const scales = to + (PAIRS as usize) * HALF;
    v128.store(scales, lower(low));
    v128.store(scales, upper(low), 16);
    v128.store(scales + right, lower(high));
    v128.store(scales + right, upper(high), 16);
    w += bytesOfGroup(kind);
    to += (GROUP_WORDS as usize) * HALF;
  }
}

function widenInt8(w: usize, to: usize, right: usize): void {
  for (let pair = 0; pair < PAIRS; pair++) {
    v128.store(to, v128.load_ext<i8>(w));
    v128.store(to, v128.load_ext<i8>(w, 8), 16);
    v128.store(to + right, v128.load_ext<i8>(w, 16));
    v128.store(to + right, v128.load_ext<i8>(w, 24), 16);
    w += 32;
    to += HALF;
  }
}

/** Four numbers of 4 bits in 16: 0 to 15 for −8 to 7. */
function widenInt4(w: usize, to: usize, right: usize): void {
  const nibble = i16x8.splat(15);
  const eight = i16x8.splat(8);
  for (let pair = 0; pair < PAIRS; pair++) {
    const four = v128.load(w);
    v128.store(to, i16x8.sub(v128.and(four, nibble), eight));
    v128.store(to, i16x8.sub(v128.and(i16x8.shr_u(four, 4), nibble), eight), 16);
    v128.store(to + right, i16x8.sub(v128.and(i16x8.shr_u(four, 8), nibble), eight));
    v128.store(to + right, i16x8.sub(i16x8.shr_u(four, 12), eight), 16);
    w += 16;
    to += HALF;
  }
}
