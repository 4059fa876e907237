import type { TensorInfo } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Gpu } from '../../../backends/webgpu/gpu';
import { withPrecision } from '../precision';
import { keep, keptOf, type Lines } from './kept';

const tensorOf = (dataId: object): TensorInfo => ({ dataId, dtype: 'float32', shape: [2, 8] });
const linesOf = (dataId: object, first = 0): Lines => ({
  from: { tensor: tensorOf(dataId), first, count: 16 },
  ...{ rows: 2, columns: 8, stride: 8, batch: 1, toRows: 128, toColumns: 64 },
});

/** A device of tensors with one holder each. */
function fakeGpu() {
  const freed: object[] = [];
  const tensorMap = new Map<object, { refCount: number }>();
  const backend = { tensorMap, disposeData: (dataId: object) => tensorMap.delete(dataId) };
  const gpu = { backend, free: (one: TensorInfo) => void freed.push(one.dataId) } as unknown as Gpu;
  const hold = (dataId: object): object => {
    tensorMap.set(dataId, { refCount: 1 });
    return dataId;
  };
  return { gpu, freed, hold };
}

describe('factors that were rounded', () => {
  it('are kept by their tensor and its part until the precision ends, and then freed', () => {
    const { gpu, freed, hold } = fakeGpu();
    const [source, made] = [hold({}), {}];
    withPrecision('f16', () => {
      expect(keep(gpu, linesOf(source), { tensor: tensorOf(made), stride: 1, size: 2 })).toBe(true);
      expect(keptOf(gpu, linesOf(source))?.tensor.dataId).toBe(made);
      expect(keptOf(gpu, linesOf(source, 64))).toBeUndefined();
      expect(keep(gpu, linesOf(source), { tensor: tensorOf({}), stride: 1, size: 2 })).toBe(false);
      expect(freed).toEqual([]);
    });
    expect(freed).toEqual([made]);
    expect(keptOf(gpu, linesOf(source))).toBeUndefined();
  });

  it('go with their tensor', () => {
    const { gpu, freed, hold } = fakeGpu();
    const [source, other] = [hold({}), hold({})];
    withPrecision('f16', () => {
      for (const one of [source, other]) keep(gpu, linesOf(one), { tensor: tensorOf(one), stride: 1, size: 2 });
      gpu.backend.disposeData(source);
      expect(freed).toEqual([source]);
      expect(keptOf(gpu, linesOf(source))).toBeUndefined();
      expect(keptOf(gpu, linesOf(other))).toBeDefined();
    });
    expect(freed).toEqual([source, other]);
  });
});
