/**
 * AssemblyScript. Brings weights into the panels that assembly-floats.ts and assembly-integers.ts read; what is missing to 16 outputs and, for quantized weights, to 32
 * inputs is zero. Rounds to the same bits as the functions of ssm-core, which say how, float64 included.
 */
import { pack } from '../../../operations/matmul/wasm/assembly-pack';
import { count } from '../../../operations/matmul/wasm/assembly-sizes';
import { bytes } from '../vector-math/assembly-lanes';
import { areFinite, quantizeInt4, quantizeInt8, toBf16 } from './assembly-quantize';
import { BF16, bytesOfPanel, F32, GROUP, INT8, PANEL } from './assembly-unpack';

const MOST_BLOCKS: i32 = 64;
/** Bytes of the scales of a group, which come before its numbers. */
const SCALES: usize = 32;

/** Into how many blocks {@link packWeights} and {@link packIntegers} cut the panels of some outputs. */
export function packWeightsBlocks(first: i32, rows: i32): i32 {
  return min(MOST_BLOCKS, panelsOf(first, rows));
}

function panelsOf(first: i32, rows: i32): i32 {
  return count(first + rows, PANEL) - first / PANEL;
}

/** The output before which a block ends that begins where the one before it ends. */
function endOfBlock(first: i32, rows: i32, block: i32): i32 {
  const panels = ((block + 1) * panelsOf(first, rows)) / packWeightsBlocks(first, rows);
  return max(first, min(first + rows, (first / PANEL + panels) * PANEL));
}

/** Bytes that {@link packWeights} needs at `scratch`. */
export function packWeightsScratchBytes(): usize {
  return 2 * GROUP;
}

/**
 * Rows of `from` [rows, width] float32, the first of which is output `first`, each once to their places in `weights`, which were zero. The word at `bad` becomes 1
 * where a weight is not finite.
 */
export function packWeights(
  kind: i32,
  from: usize,
  first: i32,
  rows: i32,
  width: i32,
  weights: usize,
  bad: usize,
  block: i32,
  scratch: usize,
): void {
  const end = endOfBlock(first, rows, block);
  for (let output = endOfBlock(first, rows, block - 1), some = 0; output < end; output += some) {
    some = min(end - output, PANEL - (output % PANEL));
    const row = from + ((output - first) as usize) * bytes(width);
    const panel = weights + ((output / PANEL) as usize) * bytesOfPanel(kind, width);
    if (!areFinite(row, (some as usize) * bytes(width))) store<i32>(bad, 1);
    else if (kind === F32 && some === PANEL) pack(row, panel, PANEL, width, width, 1, PANEL);
    else for (let i = 0; i < some; i++) packRow(kind, row + (i as usize) * bytes(width), width, panel, (output + i) % PANEL, scratch);
  }
}

function packRow(kind: i32, row: usize, width: i32, panel: usize, lane: i32, scratch: usize): void {
  if (kind === F32) {
    for (let k = 0; k < width; k++) store<f32>(panel + bytes(k * PANEL + lane), load<f32>(row + bytes(k)));
  } else if (kind === BF16) {
    const place = panel + halfOf(lane);
    for (let k = 0; k < width; k++) store<u16>(place + ((k * PANEL) << 1), toBf16(load<f32>(row + bytes(k))) as u16);
  } else {
    for (let k = 0; k < width; k += GROUP) {
      const size = min(GROUP, width - k);
      const scale =
        kind === INT8 ? quantizeInt8(row + bytes(k), size, scratch) : quantizeInt4(row + bytes(k), size, scratch, scratch + GROUP);
      packGroup(kind, scratch, size, scale, panel + ((k / GROUP) as usize) * bytesOfPanel(kind, GROUP), lane);
    }
  }
}

/** As {@link packWeights} for integers of this kind, `numbers` [rows, width] of 8 bits and for each group of 32 a bfloat16 of `scales`: nothing is rounded. */
export function packIntegers(
  kind: i32,
  numbers: usize,
  scales: usize,
  first: i32,
  rows: i32,
  width: i32,
  weights: usize,
  block: i32,
): void {
  const end = endOfBlock(first, rows, block);
  const groups = count(width, GROUP);
  for (let output = endOfBlock(first, rows, block - 1); output < end; output++) {
    const panel = weights + ((output / PANEL) as usize) * bytesOfPanel(kind, width);
    for (let group = 0; group < groups; group++) {
      const k = group * GROUP;
      const from = numbers + ((output - first) as usize) * (width as usize) + (k as usize);
      const scale = load<u16>(scales + ((((output - first) * groups + group) as usize) << 1));
      packGroup(kind, from, min(GROUP, width - k), scale, panel + (group as usize) * bytesOfPanel(kind, GROUP), output % PANEL);
    }
  }
}

/** Where among 16 the bfloat16 of an output lies, in bytes: in words whose halves are outputs i and i + 4. */
function halfOf(lane: i32): i32 {
  return 2 * ((lane & 8) + 2 * (lane & 3) + ((lane >> 2) & 1));
}

function packGroup(kind: i32, numbers: usize, size: i32, scale: i32, group: usize, lane: i32): void {
  store<u16>(group + halfOf(lane), scale as u16);
  if (kind === INT8) packInt8(numbers, size, group + SCALES + 2 * lane);
  else packInt4(numbers, size, group + SCALES + 4 * (lane & 3) + (lane >> 3), lane & 4);
}

function packInt8(numbers: usize, size: i32, to: usize): void {
  for (let k = 0; k < size; k++) store<i8>(to + (k >> 1) * 2 * PANEL + (k & 1), load<i8>(numbers + k));
}

/** A word of 16 bits holds one input's numbers of outputs i, i + 4, i + 8 and i + 12, 0 to 15 for −8 to 7. */
function packInt4(numbers: usize, size: i32, to: usize, shift: i32): void {
  for (let k = 0; k < GROUP; k++) {
    const place = to + (k >> 1) * PANEL + 2 * (k & 1);
    const number = k < size ? (load<i8>(numbers + k) as i32) : 0;
    store<u8>(place, (load<u8>(place) | ((number + 8) << shift)) as u8);
  }
}
