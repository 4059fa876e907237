import { fromBf16, type IntegerRows, leavesOf, type SpecTree, SsmError, WEIGHT_GROUP } from '@densessm/ssm-core';
import type { Dtype, StoredTensor } from '../dtypes';
import type { PartSource } from '../pretrained/shards';
import { entryOf } from '../safetensors';
import type { Quantization } from './config';
import { entriesOf, scalesName, unpackNibbles } from './layout';

/** Weights some of which are stored as integers: read as any others, they are float32. */
export interface QuantizedSource extends PartSource {
  /** Shapes of those that are, by name. */
  readonly quantized: ReadonlyMap<string, readonly [out: number, width: number]>;
  readonly type: 'int8' | 'int4';
  /** @throws SsmError WEIGHTS where a scale is not finite */
  readRows(name: string, first: number, count: number): Promise<IntegerRows>;
}

type Tensors = PartSource['tensors'];

/**
 * Looks at the headers only. Which matrices are quantized shows in their element type; `spec` tells their shapes.
 * @throws SsmError WEIGHTS where numbers or scales are missing or have another size than the matrix
 */
export function quantizedSource(where: string, source: PartSource, spec: SpecTree, quantization: Quantization): QuantizedSource {
  const quantized = quantizedMatrices(where, source.tensors, spec, quantization);
  const hidden = new Set([...quantized.keys()].map(scalesName));
  const entries = [...source.tensors].filter(([name]) => !hidden.has(name));
  const asFloats = ([name, entry]: (typeof entries)[number]): [string, { dtype: Dtype; shape: readonly number[] }] => {
    const shape = quantized.get(name);
    return [name, shape ? { dtype: 'F32', shape } : entry];
  };
  const readRows = (name: string, first: number, count: number): Promise<IntegerRows> =>
    rowsOf(where, source, name, entryOf(where, quantized, name), quantization, first, count);
  const readPart = async (name: string, first: number, count: number): Promise<Uint8Array> => {
    const shape = quantized.get(name);
    if (!shape) return source.readPart(name, first, count);
    const [, width] = shape;
    const [row, end] = [Math.floor(first / width), Math.ceil((first + count) / width)];
    const values = dequantized(await readRows(name, row, end - row), width).subarray(first - row * width);
    return new Uint8Array(values.buffer, values.byteOffset, 4 * count);
  };
  const read = async (name: string): Promise<StoredTensor> => {
    const shape = quantized.get(name);
    return shape ? { dtype: 'F32', shape, bytes: await readPart(name, 0, shape[0] * shape[1]) } : source.read(name);
  };
  return { tensors: new Map(entries.map(asFloats)), quantized, type: quantization.bits === 8 ? 'int8' : 'int4', read, readPart, readRows };
}

function quantizedMatrices(where: string, tensors: Tensors, spec: SpecTree, quantization: Quantization): QuantizedSource['quantized'] {
  const found = new Map<string, readonly [number, number]>();
  for (const leaf of leavesOf(spec)) {
    if (leaf.kind !== 'param' || leaf.shape.length !== 2) continue;
    const shape = leaf.shape as readonly [number, number];
    const { numbers, scales } = entriesOf(quantization, shape);
    for (const name of [leaf.name, ...leaf.aliases]) {
      const isWhole = /^[IU]8$/.test(tensors.get(name)?.dtype ?? '');
      if (!isWhole && !tensors.has(scalesName(name))) continue;
      requireEntry(where, tensors, name, numbers);
      requireEntry(where, tensors, scalesName(name), scales);
      found.set(name, shape);
    }
  }
  return found;
}

function requireEntry(where: string, tensors: Tensors, name: string, want: { dtype: Dtype; shape: readonly number[] }): void {
  const entry = tensors.get(name);
  const text = (one: { dtype: Dtype; shape: readonly number[] }): string => `${one.dtype} [${one.shape.join(', ')}]`;
  if (entry && text(entry) === text(want)) return;
  throw new SsmError({
    code: 'WEIGHTS',
    what: `${where}: the quantized matrix \`${name.replace(/\.scales$/, '')}\` is not complete.`,
    expected: `\`${name}\` as ${text(want)}`,
    got: entry ? text(entry) : 'nothing',
    fix: 'use the config.json that belongs to these weights, or quantize the model again with densessm convert',
  });
}

async function rowsOf(
  where: string,
  source: PartSource,
  name: string,
  shape: readonly [number, number],
  quantization: Quantization,
  first: number,
  count: number,
): Promise<IntegerRows> {
  const { numbers, scales } = entriesOf(quantization, shape);
  const partOf = (part: string, { shape: [, width = 0] }: typeof numbers) => source.readPart(part, first * width, count * width);
  const bytes = await partOf(name, numbers);
  const halves = new Uint16Array(new Uint8Array(await partOf(scalesName(name), scales)).buffer); // a copy, which is aligned
  if (halves.some((half) => (half & 0x7f80) === 0x7f80)) throw notFinite(where, scalesName(name));
  const values = quantization.bits === 8 ? new Int8Array(new Uint8Array(bytes).buffer) : unpackNibbles(bytes, shape[1]);
  return { numbers: values, scales: halves };
}

const notFinite = (where: string, name: string): SsmError =>
  new SsmError({
    code: 'WEIGHTS',
    what: `${where}: \`${name}\` holds scales that are not finite.`,
    expected: 'numbers',
    got: 'NaN or Infinity',
    fix: 'the file is damaged: get it again, or quantize the model again',
  });

function dequantized({ numbers, scales }: IntegerRows, width: number): Float32Array {
  const groups = Math.ceil(width / WEIGHT_GROUP);
  const values = new Float32Array(numbers.length);
  for (let row = 0; row * width < numbers.length; row++) {
    for (let group = 0; group < groups; group++) {
      const scale = fromBf16(scales[row * groups + group] as number);
      const start = row * width + group * WEIGHT_GROUP;
      const end = Math.min(start + WEIGHT_GROUP, (row + 1) * width);
      for (let i = start; i < end; i++) values[i] = scale * (numbers[i] as number);
    }
  }
  return values;
}
