import { disposeTree, gain, weight } from '@densessm/ssm-core';
import { engine, setBackend } from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ArrayTensor, type ByteSource, loadParams, openSafetensors, parseSafetensors, serializeSafetensors } from './index';

const ROWS = 2_621_443; // ten parts of 2^18 values and a few more
const spec = { embedding: weight('embedding.weight', [ROWS, 1], { aliases: ['lm_head.weight'] }), norm: gain('norm.weight', 3) };
const values = Float32Array.from({ length: ROWS }, (_, i) => (i * 2654435761) % 1_000_003);
const norm: ArrayTensor = { shape: [3], values: new Float32Array([1, 2, 3]) };

/** toEqual takes half a minute for so many. */
const firstDifference = (got: ArrayLike<number>): number =>
  got.length === ROWS ? values.findIndex((value, i) => value !== got[i]) : got.length;

interface Reads {
  largest: number;
  total: number;
}

function countedSource(file: Uint8Array): { source: ByteSource; reads: Reads } {
  const reads: Reads = { largest: 0, total: 0 };
  const read: ByteSource['read'] = async (offset, length) => {
    reads.largest = Math.max(reads.largest, length);
    reads.total += length;
    return file.slice(offset, offset + length);
  };
  return { source: { size: file.length, read }, reads };
}

const fileOf = (...heads: Float32Array[]): Uint8Array => {
  const tensors = new Map([['norm.weight', norm]]);
  for (const [i, head] of heads.entries()) tensors.set(i ? 'lm_head.weight' : 'embedding.weight', { shape: [ROWS, 1], values: head });
  return serializeSafetensors(tensors);
};

describe.each(['cpu', 'wasm'])('loading a tensor of several parts on %s', (backend) => {
  beforeEach(async () => {
    await setBackend(backend);
  });

  it('reads each byte once, never more than a megabyte at a time', async () => {
    const file = fileOf(values);
    const { source, reads } = countedSource(file);
    const params = await loadParams(spec, await openSafetensors(source));
    expect(firstDifference(await params.embedding.data())).toBe(-1);
    expect(await params.norm.data()).toEqual(norm.values);
    expect(reads).toEqual({ largest: 2 ** 20, total: file.length });
    disposeTree(params);
  });

  it('compares a tied head part by part and frees what it made', async () => {
    const other = values.slice();
    other[2_100_000] = 0.5;
    const before = engine().memory().numTensors;
    const { source, reads } = countedSource(fileOf(values, other));
    await expect(loadParams(spec, await openSafetensors(source))).rejects.toThrow(
      /`embedding.weight` and `lm_head.weight` are one tensor.*\n.* at 2100000 in both\n.*0.5 in lm_head.weight/,
    );
    expect([engine().memory().numTensors - before, reads.largest]).toEqual([0, 2 ** 20]);
  });

  it('asks a source that cannot give parts once for each tensor', async () => {
    const { tensors, read } = parseSafetensors(fileOf(values));
    const asked: string[] = [];
    const counted = (name: string) => {
      asked.push(name);
      return read(name);
    };
    const params = await loadParams(spec, { tensors, read: counted });
    expect(asked).toEqual(['embedding.weight', 'norm.weight']);
    expect(firstDifference(await params.embedding.data())).toBe(-1);
    disposeTree(params);
  });
});
