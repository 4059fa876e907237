/** Packs weights on the heap, in the layout of packed/panel-layout.ts; assembly-pack.ts does the work. */
import { WEIGHT_GROUP as GROUP, type IntegerRows, SsmError, WEIGHT_TYPES, type WeightType } from '@densessm/ssm-core';
import { PANEL } from '../../../packed/panel-layout';
import type { WasmRuntime } from '../wasm-runtime';
import { packIntegers, packWeights } from './kernels';

/** Weights on the heap of a runtime, and the name that their errors give. */
export interface PackedRoom {
  readonly where: string;
  readonly runtime: WasmRuntime;
  readonly type: WeightType;
  readonly width: number;
  /** Address. */
  readonly weights: number;
}

/** The number of values that are packed at a time, about. */
const PART = 2 ** 18;

/** Whole panels. */
const rowsAtOnce = (width: number): number => Math.ceil(PART / (PANEL * width)) * PANEL;

/** Packs rows [rows, width], the first of which is output `first`, to their places, which are zero. @throws SsmError WEIGHTS where one is not finite */
export function packRows({ where, runtime, type, width, weights }: PackedRoom, rows: Float32Array, first: number): void {
  const { heap } = runtime;
  const kind = WEIGHT_TYPES.indexOf(type);
  const atOnce = rowsAtOnce(width);
  for (let row = 0; row * width < rows.length; row += atOnce) {
    const part = rows.subarray(row * width, (row + atOnce) * width);
    const [output, count] = [first + row, part.length / width];
    const bad = heap.shared(16 + 4 * part.length);
    new Int32Array(heap.buffer, bad, 1)[0] = 0;
    new Float32Array(heap.buffer, bad + 16, part.length).set(part);
    runtime.run(packWeights, { kind, from: bad + 16, first: output, rows: count, width, weights, bad });
    if (new Int32Array(heap.buffer, bad, 1)[0] !== 0) throw notFinite(where, part, width, output);
  }
}

/** As {@link packRows} for integers −127 to 127 of int8 or −8 to 7 of int4: nothing is rounded. */
export function packIntegerRows({ runtime, type, width, weights }: PackedRoom, { numbers, scales }: IntegerRows, first: number): void {
  const { heap } = runtime;
  const kind = WEIGHT_TYPES.indexOf(type);
  const groups = Math.ceil(width / GROUP);
  const atOnce = rowsAtOnce(width);
  for (let row = 0; row * width < numbers.length; row += atOnce) {
    const part = numbers.subarray(row * width, (row + atOnce) * width);
    const ofPart = scales.subarray(row * groups, (row + atOnce) * groups);
    const [output, count] = [first + row, part.length / width];
    const from = heap.shared(ofPart.byteLength + part.length);
    new Uint16Array(heap.buffer, from, ofPart.length).set(ofPart);
    new Int8Array(heap.buffer, from + ofPart.byteLength, part.length).set(part);
    runtime.run(packIntegers, { kind, numbers: from + ofPart.byteLength, scales: from, first: output, rows: count, width, weights });
  }
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
