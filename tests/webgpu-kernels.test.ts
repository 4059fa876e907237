import { cumsum, embedding, silu } from '@densessm/kernels';
import { kernelChecks, kernelOf } from '@densessm/kernels/checks';
import { gpuChoices } from '@densessm/kernels/internal';
import { registerWebGpuKernels } from '@densessm/kernels/webgpu';
import { startBackend } from '@densessm/runtime-node';
import { describeKernelChecks, expectClose } from '@densessm/testing';
import {
  add,
  addN,
  cast,
  concat,
  dispose,
  fill,
  findBackend,
  grads,
  mean,
  mul,
  setBackend,
  slice,
  split,
  sub,
  sum,
  type Tensor,
  tensor,
  tensor1d,
  tidy,
  zeros,
} from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingDevice } from './webgpu-device';

const missing = await missingDevice('tests/webgpu-kernels.test.ts');

describe.skipIf(missing)('WebGPU', () => {
  const names = new Set(missing ? [] : registerWebGpuKernels(findBackend('webgpu')).names);
  describeKernelChecks(
    kernelChecks.filter(({ name }) => names.has(kernelOf({ name }))),
    { backends: ['webgpu'] },
  );

  describe.each<[string, RegExp, Partial<typeof gpuChoices>]>([
    ['scans of heads of any width in products of chunks of 8', /^SsmDecayScan/, { tiledScanFrom: 0, tiledScanChunk: 8 }],
    ['scans of heads of any width in products of chunks of 100', /^SsmDecayScan/, { tiledScanFrom: 0, tiledScanChunk: 100 }],
    ['products in the largest tiles', /^SsmMatMul$/, { tilesAtATime: 1 }],
  ])('%s', (_, kernels, choices) => {
    const usual = { ...gpuChoices };
    beforeAll(() => void Object.assign(gpuChoices, choices));
    afterAll(() => void Object.assign(gpuChoices, usual));
    describeKernelChecks(
      kernelChecks.filter(({ name }) => kernels.test(name)),
      { backends: ['webgpu'] },
    );
  });

  it('adds more tensors than a pipeline can bind', async () => {
    const many = Array.from({ length: 23 }, (_, i) => fill([3], i));
    expect([...(await addN(many).data())]).toEqual([253, 253, 253]);
  });

  it('reads integers that tfjs casts to floats as numbers', async () => {
    const ids = tensor1d([3, 0, 1, 2], 'int32');
    const counts = cumsum({ x: cast(slice(ids, 1, 3), 'float32') });
    expect([...(await counts.data())]).toEqual([0, 1, 3]);
  });

  it.each([
    ['all of a long line', [20_000], [0]],
    ['long rows', [3, 17_001], [1]],
    ['short rows', [300, 3], [1]],
    ['columns', [500, 7], [0]],
    ['columns of columns', [2, 300, 3], [1]],
    ['leading axes', [9, 11, 5], [0, 1]],
    ['axes with one between', [4, 3, 5], [0, 2]],
  ])('sums, and takes means of, %s', async (_, shape, axes) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Float32Array.from({ length: size }, (_, i) => (i % 8) - 3);
    const both = async () => {
      const x = tensor(values, shape);
      return [await sum(x, axes).data(), await mean(x, axes, true).data()] as const;
    };
    const [total, average] = await both();
    await setBackend('cpu');
    const [wantTotal, wantAverage] = await both();
    await setBackend('webgpu');
    await expectClose('sum', wantTotal, total, 0);
    await expectClose('mean', wantAverage, average, 1e-6);
  });

  it.each<[string, (x: Tensor, y: Tensor) => Tensor, number[], number[]]>([
    ['adds', add, [3, 7], [3, 7]],
    ['adds a row to each', add, [2, 3, 7], [7]],
    ['multiplies along axes of one', mul, [2, 3, 5, 4], [3, 1, 4]],
    ['multiplies what both repeat', mul, [3, 1, 4], [2, 1, 5, 1]],
    ['subtracts from a number', (x, y) => sub(y, x), [67], []],
    ['joins and cuts the last axis', (x, y) => addN(split(concat([x, y], 1), 2, 1)), [3, 5], [3, 7]],
    ['joins and cuts the first axis', (x, y) => concat(split(concat([x, y], 0), [4, 1], 0).reverse(), 0), [2, 3, 2], [3, 3, 2]],
  ])('%s as the cpu does', async (_, operation, first, second) => {
    const both = async () => {
      const of = (shape: number[], by: number) =>
        tensor(
          Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (i % 11) + by),
          shape,
        );
      const y = tidy(() => operation(of(first, 0.5), of(second, -2)));
      return { shape: y.shape, values: [...(await y.data())] };
    };
    const got = await both();
    await setBackend('cpu');
    const want = await both();
    await setBackend('webgpu');
    expect(got).toEqual(want);
  });

  it('adds the gradients of equal ids over more tokens than are sorted at a time', async () => {
    const [tokens, vocabSize] = [5000, 97];
    const values = Int32Array.from({ length: tokens }, (_, i) => (i * i + 7 * i) % vocabSize);
    const want = new Float32Array(vocabSize);
    for (const [i, id] of values.entries()) want[id] = (want[id] as number) + (i % 16);
    const dy = tensor(
      Float32Array.from({ length: tokens }, (_, i) => i % 16),
      [1, tokens, 1],
    );
    const [gradient] = grads((w: Tensor) => embedding({ ids: tensor(values, [1, tokens], 'int32'), w } as never))(
      [zeros([vocabSize, 1])],
      dy,
    );
    expect(await (gradient as Tensor).data()).toEqual(want);
  });

  it('does not keep a buffer of every length that there was', async () => {
    const pool = (findBackend('webgpu') as unknown as { bufferManager: { numBytesAllocated: number } }).bufferManager;
    const inUse = fill([2 ** 18], 7); // whose size is among those that are destroyed meanwhile
    const before = pool.numBytesAllocated;
    for (let i = 0; i < 100; i++) {
      const y = tidy(() => silu(fill([2 ** 18 + i], i)));
      if (i % 10 === 0) await y.data();
      dispose(y);
    }
    expect(pool.numBytesAllocated - before).toBeLessThan(100 * 2 ** 20);
    expect((await inUse.data())[0]).toBe(7);
    dispose(inUse);
  });

  it('refuses a buffer that the device has no room for, says its size, and goes on', async () => {
    const own = device();
    const { limits } = own;
    Object.defineProperty(own, 'limits', { value: { maxBufferSize: 2 ** 10 }, configurable: true });
    expect(() => silu(tensor1d(new Float32Array(2 ** 20 + 3)))).toThrow(/no buffers of this size[\s\S]*at most 0.00102 MB[\s\S]*4.19 MB/);
    Object.defineProperty(own, 'limits', { value: limits, configurable: true });
    expect((await silu(fill([2], 0)).data())[0]).toBe(0);
  });

  it('says how much memory there was not, and goes on', async () => {
    const pool = (findBackend('webgpu') as unknown as { bufferManager: { numBytesUsed: number } }).bufferManager;
    const [other, used] = [fill([3], 2), pool.numBytesUsed];
    const huge = fill([2 ** 28], 1); // 1 GiB, which SwiftShader promises and does not have
    const opened = silu(huge);
    await expect(opened.data()).rejects.toThrow(/out of memory[\s\S]*room for 1.07e\+3 MB/);
    dispose([huge, opened]);
    const after = tidy(() => silu(sub(other, fill([3], 2))));
    expect([...(await after.data())]).toEqual([0, 0, 0]);
    expect(pool.numBytesUsed - used).toBeLessThan(2 ** 20);
    const again = fill([2 ** 28], 1);
    await expect(again.data()).rejects.toThrow(/out of memory/);
    dispose([again, after, other]);
    expect([...(await fill([2], 1).data())]).toEqual([1, 1]);
  });

  it('sums what is empty to zeros', async () => {
    expect([...(await sum(zeros([3, 0]), 1).data())]).toEqual([0, 0, 0]);
  });

  it('throws an error of the device when a tensor is read, and names the shader', async () => {
    device().createShaderModule({ label: 'SsmBroken', code: 'fn broken(' });
    await expect(fill([2], 1).data()).rejects.toThrow(/webgpu: SsmBroken failed on this device/);
    expect([...(await fill([2], 1).data())], 'told once').toEqual([1, 1]);
  });

  it('says that a lost device is lost, and starts another', async () => {
    const lost = device();
    lost.destroy();
    await lost.lost;
    const attempt = async () => silu(fill([2], 1)).data(); // whichever of the two comes first after the news
    await expect(attempt()).rejects.toThrow(/webgpu: the device was lost/);
    await startBackend({ device: 'webgpu' });
    expect(device()).not.toBe(lost);
    expect((await silu(fill([2], 0)).data())[0]).toBe(0);
  });
});

const device = () => (findBackend('webgpu') as unknown as { device: GPUDevice }).device;
