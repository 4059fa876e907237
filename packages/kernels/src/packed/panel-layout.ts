/**
 * How packed weights lie in memory: panels of 16 outputs, one after another, padded with zeros to 16 outputs and, if quantized, to groups of 32
 * inputs. A panel of floats has the 16 weights of one input after the other; a group of a quantized panel has 16 scales, then its integers.
 */
import { fromBf16, WEIGHT_GROUP as GROUP, type WeightType } from '@densessm/ssm-core';

/** Outputs of a panel. */
export const PANEL = 16;
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

/** The weights of one output, [width], as they are after packing. */
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
