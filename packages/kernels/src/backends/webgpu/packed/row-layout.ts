/**
 * How packed weights lie on a GPU: row by row, each padded with zeros to blocks of 16 bytes, so that a block is one load: 4 float32, 8 bfloat16,
 * 16 int8 or 32 int4, in order from the lowest bits on. Rows of integers are whole groups of 32, whose scales lie apart, as pairs of bfloat16.
 */
import { fromBf16, WEIGHT_GROUP as GROUP, type IntegerRows, quantizeInt4, quantizeInt8, toBf16, type WeightType } from '@densessm/ssm-core';

/** Weights of a block. */
export const BLOCK: Readonly<Record<WeightType, number>> = { f32: 4, bf16: 8, int8: 16, int4: 32 };

export const isQuantized = (type: WeightType): type is 'int8' | 'int4' => type === 'int8' || type === 'int4';

const groupsOf = (width: number): number => Math.ceil(width / GROUP);

/** Blocks of a row. */
export const blocksOf = (type: WeightType, width: number): number =>
  isQuantized(type) ? (groupsOf(width) * GROUP) / BLOCK[type] : Math.ceil(width / BLOCK[type]);

/** 32-bit words of the scales of a row. */
export const scaleWords = (type: WeightType, width: number): number => (isQuantized(type) ? Math.ceil(groupsOf(width) / 2) : 0);

/** Rows as they lie on the GPU. */
export interface LaidRows {
  readonly words: Uint32Array<ArrayBuffer>;
  readonly scales: Uint32Array<ArrayBuffer>;
}

const emptyRows = (type: WeightType, width: number, rows: number): LaidRows => ({
  words: new Uint32Array(rows * blocksOf(type, width) * 4),
  scales: new Uint32Array(rows * scaleWords(type, width)),
});

/** Rounds finite rows [rows, width] to a type. */
export function layRows(type: WeightType, width: number, values: Float32Array): LaidRows {
  const rows = values.length / width;
  if (isQuantized(type)) return layIntegers(type, width, quantized(type, width, values));
  const laid = emptyRows(type, width, rows);
  const ofRow = blocksOf(type, width) * 4;
  const floats = new Float32Array(laid.words.buffer);
  const halves = new Uint16Array(laid.words.buffer);
  for (let row = 0; row < rows; row++) {
    const own = values.subarray(row * width, (row + 1) * width);
    if (type === 'f32') floats.set(own, row * ofRow);
    else for (let k = 0; k < width; k++) halves[2 * row * ofRow + k] = toBf16(own[k] as number);
  }
  return laid;
}

function quantized(type: 'int8' | 'int4', width: number, values: Float32Array): IntegerRows {
  const quantize = type === 'int8' ? quantizeInt8 : quantizeInt4;
  const numbers = new Int8Array(values.length);
  const scales: number[] = [];
  for (let row = 0; row < values.length; row += width)
    for (let k = 0; k < width; k += GROUP) {
      const [from, to] = [row + k, row + Math.min(width, k + GROUP)];
      scales.push(quantize(values.subarray(from, to), numbers.subarray(from, to)));
    }
  return { numbers, scales: Uint16Array.from(scales) };
}

/** Integers as they are. */
export function layIntegers(type: 'int8' | 'int4', width: number, { numbers, scales }: IntegerRows): LaidRows {
  const rows = numbers.length / width;
  const laid = emptyRows(type, width, rows);
  const [ofRow, groups] = [blocksOf(type, width) * 16, groupsOf(width)];
  const bytes = new Uint8Array(laid.words.buffer);
  const halves = new Uint16Array(laid.scales.buffer);
  for (let row = 0; row < rows; row++) {
    halves.set(scales.subarray(row * groups, (row + 1) * groups), 2 * row * scaleWords(type, width));
    for (let k = 0; k < width; k++) {
      const number = numbers[row * width + k] as number;
      if (type === 'int8') bytes[row * ofRow + k] = number;
      else bytes[row * ofRow + (k >> 1)] = (bytes[row * ofRow + (k >> 1)] as number) | ((number & 15) << (4 * (k & 1)));
    }
  }
  return laid;
}

/** The weights of one row that was laid. */
export function readRow(type: WeightType, width: number, { words, scales }: LaidRows): Float32Array {
  if (type === 'f32') return new Float32Array(words.buffer, words.byteOffset, width).slice();
  const halves = new Uint16Array(words.buffer, words.byteOffset, 2 * words.length);
  if (type === 'bf16') return Float32Array.from(halves.subarray(0, width), fromBf16);
  const bytes = new Int8Array(words.buffer, words.byteOffset, 4 * words.length);
  const ofGroups = new Uint16Array(scales.buffer, scales.byteOffset, 2 * scales.length);
  return Float32Array.from({ length: width }, (_, k) => {
    const number = type === 'int8' ? (bytes[k] as number) : ((bytes[k >> 1] as number) << (28 - 4 * (k & 1))) >> 28;
    return number * fromBf16(ofGroups[Math.floor(k / GROUP)] as number);
  });
}
