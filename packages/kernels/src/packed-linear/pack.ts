/**
 * The order of packed weights in memory: panels of 16 outputs, behind each other; what is missing to 16 outputs and, for whole
 * numbers, to 32 inputs is zero. assembly-floats.ts and assembly-integers.ts say how a panel lies.
 */
import {
  fromBf16,
  WEIGHT_GROUP as GROUP,
  type IntegerRows,
  quantiseInt4,
  quantiseInt8,
  SsmError,
  toBf16,
  type WeightType,
} from '@densessm/ssm-core';

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

/**
 * Packs rows [rows, width], the first of which is output `first`, to their places in `bytes`, which are zero and start at a multiple of 4.
 * @throws SsmError WEIGHTS where one is not finite
 */
export function packRows(where: string, type: WeightType, rows: Float32Array, width: number, first: number, bytes: Uint8Array): void {
  const write = { f32: writeF32, bf16: writeBf16, int8: writeRounded, int4: writeRounded }[type];
  for (let start = 0, output = first; start < rows.length; start += width, output++) {
    const row = rows.subarray(start, start + width);
    refuseNonFinite(where, row, output);
    write(row, output % PANEL, panelOf(type, bytes, width, output), type);
  }
}

const panelOf = (type: WeightType, bytes: Uint8Array, width: number, output: number): Uint8Array =>
  bytes.subarray(Math.floor(output / PANEL) * bytesOfPanel(type, width)).subarray(0, bytesOfPanel(type, width));

/** As {@link packRows} for whole numbers −127 to 127 of int8 or −8 to 7 of int4: nothing is rounded. */
export function packIntegerRows(type: 'int8' | 'int4', rows: IntegerRows, width: number, first: number, bytes: Uint8Array): void {
  const groups = Math.ceil(width / GROUP);
  for (let row = 0; row < rows.numbers.length / width; row++) {
    const panel = panelOf(type, bytes, width, first + row);
    for (let group = 0; group < groups; group++) {
      const start = row * width + group * GROUP;
      const numbers = rows.numbers.subarray(start, Math.min(start + GROUP, (row + 1) * width));
      writeGroup(type, numbers, rows.scales[row * groups + group] as number, group, (first + row) % PANEL, panel);
    }
  }
}

function writeF32(row: Float32Array, output: number, panel: Uint8Array): void {
  const values = new Float32Array(panel.buffer, panel.byteOffset, panel.length / 4);
  for (let k = 0; k < row.length; k++) values[k * PANEL + output] = row[k] as number;
}

function writeBf16(row: Float32Array, output: number, panel: Uint8Array): void {
  const halves = new Uint16Array(panel.buffer, panel.byteOffset, panel.length / 2);
  const place = halfOf(output);
  for (let k = 0; k < row.length; k++) halves[k * PANEL + place] = toBf16(row[k] as number);
}

function writeRounded(row: Float32Array, output: number, panel: Uint8Array, type: WeightType): void {
  const quantise = type === 'int8' ? quantiseInt8 : quantiseInt4;
  for (let start = 0, group = 0; start < row.length; start += GROUP, group++) {
    const values = row.subarray(start, start + GROUP);
    const scale = quantise(values, rounded);
    writeGroup(type, rounded.subarray(0, values.length), scale, group, output, panel);
  }
}

/** Numbers of the group at hand. */
const rounded = new Int8Array(GROUP);

function writeGroup(type: WeightType, numbers: Int8Array, scale: number, group: number, output: number, panel: Uint8Array): void {
  const at = group * (type === 'int8' ? INT8_BYTES : INT4_BYTES);
  panel[at + 2 * halfOf(output)] = scale & 255;
  panel[at + 2 * halfOf(output) + 1] = scale >> 8;
  if (type === 'int8') writeInt8(numbers, output, panel, at + SCALES_BYTES);
  else writeInt4(numbers, output, panel, at + SCALES_BYTES);
}

function writeInt8(numbers: Int8Array, output: number, panel: Uint8Array, at: number): void {
  for (let k = 0; k < numbers.length; k++) panel[at + (k >> 1) * 2 * PANEL + 2 * output + (k & 1)] = numbers[k] as number;
}

/** A word of 16 bits holds one input's numbers of outputs i, i + 4, i + 8 and i + 12. */
function writeInt4(numbers: Int8Array, output: number, panel: Uint8Array, at: number): void {
  const [quarter, lane] = [output >> 2, 2 * (output & 3)];
  const shift = 4 * (quarter & 1);
  for (let k = 0; k < GROUP; k++) {
    const place = at + (k >> 1) * PANEL + 2 * (lane + (k & 1)) + (quarter >> 1);
    panel[place] = (panel[place] as number) | (((numbers[k] ?? 0) + 8) << shift);
  }
}

/** The weights of one output, [width], as {@link packRows} rounded them. */
export function unpackRow(type: WeightType, bytes: Uint8Array, width: number, output: number): Float32Array {
  const panel = panelOf(type, bytes, width, output);
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

function refuseNonFinite(where: string, row: Float32Array, output: number): void {
  let sum = 0;
  for (let k = 0; k < row.length; k++) sum += 0 * (row[k] as number);
  if (sum === 0) return;
  const k = row.findIndex((value) => !Number.isFinite(value));
  throw new SsmError({
    code: 'WEIGHTS',
    what: `${where}: a weight is not finite.`,
    expected: 'numbers',
    got: `${row[k]} at [${output}, ${k}]`,
    mend: 'the checkpoint is damaged, or its training diverged: use an earlier one',
  });
}
