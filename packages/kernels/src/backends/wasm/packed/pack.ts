/**
 * Weights packed and read back. In memory they are panels of 16 outputs, behind each other; what is missing to 16 outputs and, for whole
 * numbers, to 32 inputs is zero. assembly-floats.ts and assembly-integers.ts say how a panel lies, assembly-pack.ts makes it.
 */
import { fromBf16, WEIGHT_GROUP as GROUP, type IntegerRows, SsmError, WEIGHT_TYPES, type WeightType } from '@densessm/ssm-core';
import type { DecodeModule } from '../decode/module';
import type { Machine } from '../machine';

const PANEL = 16;
const SCALES_BYTES = 32;
const INT8_BYTES = SCALES_BYTES + PANEL * GROUP;
const INT4_BYTES = SCALES_BYTES + (PANEL * GROUP) / 2;

const bytesOfPanel = (type: WeightType, width: number): number =>
  ({
    f32: width * PANEL * 4,
    bf16: width * PANEL * 2,
    int8: Math.ceil(width / GROUP) * INT8_BYTES,
    int4: Math.ceil(width / GROUP) * INT4_BYTES,
  })[type];

/** Bytes of weights [out, width]. */
export const packedBytes = (type: WeightType, out: number, width: number): number => Math.ceil(out / PANEL) * bytesOfPanel(type, width);

/** Where a bfloat16 of output 0 to 15 lies: in words whose halves are outputs i and i + 4. */
const halfOf = (output: number): number => (output & 8) + 2 * (output & 3) + ((output >> 2) & 1);

/** Weights on the heap of a machine, and what their errors are called by. */
export interface PackedRoom {
  readonly where: string;
  readonly machine: Machine<DecodeModule>;
  readonly type: WeightType;
  readonly width: number;
  /** Address. */
  readonly weights: number;
}

/** About so many values are packed at a time. */
const PART = 2 ** 18;

/** Whole panels. */
const rowsAtOnce = (width: number): number => Math.ceil(PART / (PANEL * width)) * PANEL;

/** Packs rows [rows, width], the first of which is output `first`, to their places, which are zero. @throws SsmError WEIGHTS where one is not finite */
export function packRows({ where, machine, type, width, weights }: PackedRoom, rows: Float32Array, first: number): void {
  const { heap, module, run } = machine;
  const atOnce = rowsAtOnce(width);
  for (let row = 0; row * width < rows.length; row += atOnce) {
    const part = rows.subarray(row * width, (row + atOnce) * width);
    const [output, count] = [first + row, part.length / width];
    const bad = heap.shared(16 + 4 * part.length);
    new Int32Array(heap.buffer, bad, 1)[0] = 0;
    new Float32Array(heap.buffer, bad + 16, part.length).set(part);
    const given = [WEIGHT_TYPES.indexOf(type), bad + 16, output, count, width, weights, bad];
    run('packWeights', module.packWeightsBlocks(output, count), module.packWeightsScratchBytes(), ...given);
    if (new Int32Array(heap.buffer, bad, 1)[0] !== 0) throw notFinite(where, part, width, output);
  }
}

/** As {@link packRows} for whole numbers −127 to 127 of int8 or −8 to 7 of int4: nothing is rounded. */
export function packIntegerRows({ machine, type, width, weights }: PackedRoom, { numbers, scales }: IntegerRows, first: number): void {
  const { heap, module, run } = machine;
  const groups = Math.ceil(width / GROUP);
  const atOnce = rowsAtOnce(width);
  for (let row = 0; row * width < numbers.length; row += atOnce) {
    const part = numbers.subarray(row * width, (row + atOnce) * width);
    const ofPart = scales.subarray(row * groups, (row + atOnce) * groups);
    const [output, count] = [first + row, part.length / width];
    const from = heap.shared(ofPart.byteLength + part.length);
    new Uint16Array(heap.buffer, from, ofPart.length).set(ofPart);
    new Int8Array(heap.buffer, from + ofPart.byteLength, part.length).set(part);
    const given = [WEIGHT_TYPES.indexOf(type), from + ofPart.byteLength, from, output, count, width, weights];
    run('packIntegers', module.packWeightsBlocks(output, count), 0, ...given);
  }
}

/** The weights of one output, [width], as {@link packRows} rounded them. */
export function unpackRow(type: WeightType, bytes: Uint8Array, width: number, output: number): Float32Array {
  const panel = bytes.subarray(Math.floor(output / PANEL) * bytesOfPanel(type, width)).subarray(0, bytesOfPanel(type, width));
  const lane = output % PANEL;
  const row = new Float32Array(width);
  if (type === 'f32') {
    const values = new Float32Array(panel.buffer, panel.byteOffset, panel.length / 4);
    for (let k = 0; k < width; k++) row[k] = values[k * PANEL + lane] as number;
    return row;
  }
  const halves = new Uint16Array(panel.buffer, panel.byteOffset, panel.length / 2);
  const read = type === 'int8' ? readInt8 : readInt4;
  for (let k = 0; k < width; k++) {
    if (type === 'bf16') row[k] = fromBf16(halves[k * PANEL + halfOf(lane)] as number);
    else {
      const at = Math.floor(k / GROUP) * (type === 'int8' ? INT8_BYTES : INT4_BYTES);
      row[k] = fromBf16(halves[at / 2 + halfOf(lane)] as number) * read(panel, lane, at + SCALES_BYTES, k % GROUP);
    }
  }
  return row;
}

function readInt8(panel: Uint8Array, output: number, at: number, k: number): number {
  return ((panel[at + (k >> 1) * 2 * PANEL + 2 * output + (k & 1)] as number) << 24) >> 24;
}

function readInt4(panel: Uint8Array, output: number, at: number, k: number): number {
  const quarter = output >> 2;
  const byte = panel[at + (k >> 1) * PANEL + 2 * (2 * (output & 3) + (k & 1)) + (quarter >> 1)] as number;
  return ((byte >> (4 * (quarter & 1))) & 15) - 8;
}

function notFinite(where: string, rows: Float32Array, width: number, first: number): SsmError {
  const at = rows.findIndex((value) => !Number.isFinite(value));
  return new SsmError({
    code: 'WEIGHTS',
    what: `${where}: a weight is not finite.`,
    expected: 'numbers',
    got: `${rows[at]} at [${first + Math.floor(at / width)}, ${at % width}]`,
    fix: 'the checkpoint is damaged, or its training diverged: use an earlier one',
  });
}
