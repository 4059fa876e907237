import { SsmError } from '@densessm/ssm-core';
import { describe, expect, it } from 'vitest';
import { type ArrayTensor, parseSafetensors, readTensors, safetensorsPieces, serializeSafetensors } from './index';

const ones = (length: number): Float32Array => new Float32Array(length).fill(1);
const tensors = new Map<string, ArrayTensor>([
  ['i', { shape: [2], values: new Int32Array([-1, 5]) }],
  ['é', { shape: [1], values: ones(1) }],
  ['c.9', { shape: [1], values: new Float64Array([0.1]) }],
  ['c.10', { shape: [], values: new Float64Array([0.2]) }],
  ['😀', { shape: [1], values: ones(1) }],
  ['\uff5e', { shape: [1], values: ones(1) }],
  ['none', { shape: [0, 3], values: ones(0) }],
  ['a', { shape: [1, 2], values: ones(2) }],
  ['ab', { shape: [1, 1], values: ones(1) }],
]);

/** The header that Python's safetensors 0.8.0 writes for these tensors; it puts several keys of metadata in any order, ours by name. */
const HEADER =
  '{"__metadata__":{"format":"pt","note":"x"},"c.10":{"dtype":"F64","shape":[],"data_offsets":[0,8]},' +
  '"c.9":{"dtype":"F64","shape":[1],"data_offsets":[8,16]},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[16,24]},' +
  '"ab":{"dtype":"F32","shape":[1,1],"data_offsets":[24,28]},"none":{"dtype":"F32","shape":[0,3],"data_offsets":[28,28]},' +
  '"é":{"dtype":"F32","shape":[1],"data_offsets":[28,32]},"～":{"dtype":"F32","shape":[1],"data_offsets":[32,36]},' +
  '"😀":{"dtype":"F32","shape":[1],"data_offsets":[36,40]},"i":{"dtype":"I32","shape":[2],"data_offsets":[40,48]}}';

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<number[]> {
  const bytes: number[] = [];
  for await (const piece of pieces) bytes.push(...piece);
  return bytes;
}

describe('serializeSafetensors', () => {
  const metadata = { note: 'x', format: 'pt' };

  it('writes the header of the reference, padded to eight bytes', () => {
    const file = serializeSafetensors(tensors, metadata);
    const length = Number(new DataView(file.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    expect(new TextDecoder().decode(file.subarray(8, 8 + length)).trimEnd()).toBe(HEADER);
  });

  it('is read back with the same values', () => {
    const file = parseSafetensors(serializeSafetensors(tensors, metadata));
    expect(file.metadata).toEqual(metadata);
    const read = readTensors(file);
    expect(read.size).toBe(tensors.size);
    for (const [name, { shape, values }] of tensors) expect(read.get(name)).toMatchObject({ shape, values });
  });

  it('writes a view of a larger array as the view alone', () => {
    const values = new Float32Array([9, 1, 2, 9]).subarray(1, 3);
    const file = parseSafetensors(serializeSafetensors(new Map([['x', { shape: [2], values }]])));
    expect(readTensors(file).get('x')?.values).toEqual(new Float32Array([1, 2]));
  });

  it('says that the file is for PyTorch unless told otherwise, as transformers demands', () => {
    expect(parseSafetensors(serializeSafetensors(new Map())).metadata).toEqual({ format: 'pt' });
    expect(parseSafetensors(serializeSafetensors(new Map(), {})).metadata).toEqual({});
  });

  it('gives the same bytes in pieces', async () => {
    const file = serializeSafetensors(tensors, metadata);
    expect(await joined(safetensorsPieces(parseSafetensors(file), metadata))).toEqual([...file]);
  });

  it.each<[string, string, number[]]>([
    ['a shape that does not fit the values', 'x', [2, 2]],
    ['a shape that is not whole', 'x', [0.5]],
    ['a name that the format keeps for itself', '__metadata__', [2]],
    ['a name with half a character', 'x\ud800', [2]],
  ])('refuses %s', (_, name, shape) => {
    expect(() => serializeSafetensors(new Map([[name, { shape, values: ones(2) }]]))).toThrow(SsmError);
  });

  it('refuses a source that gives fewer bytes than the shape says', async () => {
    const source = {
      tensors: new Map([['x', { dtype: 'F32', shape: [2] } as const]]),
      read: async () => ({ dtype: 'F32', shape: [2], bytes: new Uint8Array(4) }) as const,
    };
    await expect(joined(safetensorsPieces(source))).rejects.toThrow(/"x" cannot be written.*\n.*8 bytes/);
  });
});
