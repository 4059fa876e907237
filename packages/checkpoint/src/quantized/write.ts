import { type IntegerRows, type ParamLeaf, quantizeInt4, quantizeInt8, SsmError, WEIGHT_GROUP, weightTypeOf } from '@densessm/ssm-core';
import type { Dtype } from '../dtypes';
import { floatBytes } from '../narrow';
import { entriesOf, packNibbles, scalesName } from './layout';

/** A tensor that is to be written: values are asked for when it is. */
export interface UnreadTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  bytes(): Promise<Uint8Array>;
}

/** What a parameter is in a file whose matrices are quantized: numbers and scales, or floats of 16 or 32 bits. */
export function quantizedEntries(leaf: ParamLeaf, type: 'int8' | 'int4', values: () => Promise<Float32Array>): [string, UnreadTensor][] {
  const { name, shape } = leaf;
  const own = weightTypeOf(leaf, type) ?? 'f32';
  if (own === 'f32' || own === 'bf16') {
    const dtype = own === 'f32' ? 'F32' : 'BF16';
    return [[name, { dtype, shape, bytes: async () => floatBytes(name, await values(), dtype) }]];
  }
  const [out, width] = shape as [number, number];
  const { numbers, scales } = entriesOf({ bits: own === 'int8' ? 8 : 4 }, [out, width]);
  const rounded = async () => quantized(name, await values(), width, own);
  const numbersBytes = async () => {
    const rows = (await rounded()).numbers;
    return own === 'int8' ? new Uint8Array(rows.buffer) : packNibbles(rows, width);
  };
  const scalesBytes = async () => new Uint8Array((await rounded()).scales.buffer);
  return [
    [name, { ...numbers, bytes: numbersBytes }],
    [scalesName(name), { ...scales, bytes: scalesBytes }],
  ];
}

/** @throws SsmError WEIGHTS where a weight is not finite */
function quantized(name: string, values: Float32Array, width: number, type: 'int8' | 'int4'): IntegerRows {
  requireFinite(name, values);
  const groups = Math.ceil(width / WEIGHT_GROUP);
  const numbers = new Int8Array(values.length);
  const scales = new Uint16Array((values.length / width) * groups);
  const quantize = type === 'int8' ? quantizeInt8 : quantizeInt4;
  for (let i = 0; i < scales.length; i++) {
    const start = Math.floor(i / groups) * width + (i % groups) * WEIGHT_GROUP;
    const end = Math.min(start + WEIGHT_GROUP, (Math.floor(i / groups) + 1) * width);
    scales[i] = quantize(values.subarray(start, end), numbers.subarray(start, end));
  }
  return { numbers, scales };
}

function requireFinite(name: string, values: Float32Array): void {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw new SsmError({
    code: 'WEIGHTS',
    what: `\`${name}\` cannot be quantized.`,
    expected: 'numbers',
    got: `${values[at]} at ${at}`,
    fix: 'its training diverged: use an earlier checkpoint',
  });
}
