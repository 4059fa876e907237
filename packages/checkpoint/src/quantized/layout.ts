import { WEIGHT_GROUP } from '@densessm/ssm-core';
import type { Dtype } from '../dtypes';
import type { Quantization } from './config';

type Entry = { readonly dtype: Dtype; readonly shape: readonly number[] };

/** The name beside a quantized matrix's own that its scales have. */
export const scalesName = (name: string): string => `${name}.scales`;

/** How a matrix [out, width] lies on disk: its numbers, two of four bits in a byte, and a scale per group of a row. */
export function entriesOf({ bits }: Quantization, [out, width]: readonly [number, number]): { numbers: Entry; scales: Entry } {
  return {
    numbers: bits === 8 ? { dtype: 'I8', shape: [out, width] } : { dtype: 'U8', shape: [out, Math.ceil(width / 2)] },
    scales: { dtype: 'BF16', shape: [out, Math.ceil(width / WEIGHT_GROUP)] },
  };
}

/** Numbers −8 to 7 of rows [rows, width], two in a byte: the even column in the lower half, each plus 8. */
export function packNibbles(numbers: Int8Array, width: number): Uint8Array {
  const rowBytes = Math.ceil(width / 2);
  const bytes = new Uint8Array((numbers.length / width) * rowBytes);
  for (let i = 0; i < numbers.length; i++) {
    const column = i % width;
    const at = Math.floor(i / width) * rowBytes + (column >> 1);
    bytes[at] = (bytes[at] as number) | (((numbers[i] as number) + 8) << (4 * (column & 1)));
  }
  return bytes;
}

/** What {@link packNibbles} packed. */
export function unpackNibbles(bytes: Uint8Array, width: number): Int8Array {
  const rowBytes = Math.ceil(width / 2);
  const rows = bytes.length / rowBytes;
  const numbers = new Int8Array(rows * width);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < width; column++, i++) {
      numbers[i] = (((bytes[row * rowBytes + (column >> 1)] as number) >> (4 * (column & 1))) & 15) - 8;
    }
  }
  return numbers;
}
