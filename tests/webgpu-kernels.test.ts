import {
  adamwStep,
  causalConv1d,
  crossEntropy,
  cumsum,
  decayScan,
  embedding,
  linearCrossEntropy,
  matMul,
  rmsNorm,
  selectiveScan,
  silu,
  siluGate,
  softplus,
  squareSum,
} from '@densessm/kernels';
import { kernelChecks, kernelOf } from '@densessm/kernels/checks';
import { gpuChoices } from '@densessm/kernels/internal';
import { registerWebGpuKernels } from '@densessm/kernels/webgpu';
import { startBackend } from '@densessm/runtime-node';
import { SsmError } from '@densessm/ssm-core';
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
  tensor2d,
  tidy,
  zeros,
} from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Why there is no device; on CI, which installs one, that is a failure. */
const missing = await startBackend({ device: 'webgpu' }).then(
  () => undefined,
  (error: unknown) => {
    if (process.env.CI || !(error instanceof SsmError)) throw error;
    return `${error.message}\nTests of WebGPU need a GPU, or SwiftShader: apt-get install chromium`;
  },
);
if (missing) process.stderr.write(`tests/webgpu-kernels.test.ts is skipped. ${missing}\n`);

describe.skipIf(missing)('WebGPU', () => {
  const names = new Set(missing ? [] : registerWebGpuKernels(findBackend('webgpu')).names);
  describeKernelChecks(
    kernelChecks.filter(({ name }) => names.has(kernelOf({ name }))),
    { backends: ['webgpu'] },
  );

  describe.each<[string, RegExp, Partial<typeof gpuChoices>]>([
    ['scans of heads of any width in products of chunks of 8', /^SsmDecayScan/, { tiledScanFrom: 0, tiledScanChunk: 8 }],
    ['scans of heads of any width in products of chunks of 100', /^SsmDecayScan/, { tiledScanFrom: 0, tiledScanChunk: 100 }],
    ['products in the largest tiles', /^SsmMatMul$/, { enoughGroups: 1 }],
    ['products in the largest tiles, written out', /^SsmMatMul$/, { enoughGroups: 1, unrolledTiles: true }],
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

  it.each([
    ['', 135],
    [', by few rows', 3],
  ])('multiplies matrices that are more than the device binds at a time%s', async (_, rows) => {
    const sample = (shape: [number, number], seed: number) => tensor2d(sines(shape[0] * shape[1], seed), shape);
    for (const [transposeA, transposeB] of [
      [false, false],
      [false, true],
      [true, false],
      [true, true],
    ] as const) {
      const a = sample(transposeA ? [150, rows] : [rows, 150], 1);
      const b = sample(transposeB ? [140, 150] : [150, 140], 2);
      const want = await matMul({ a, b }, { transposeA, transposeB }).data();
      const got = await withLimits({ maxStorageBufferBindingSize: 4 * 64 * 200 }, ['SsmMatMul'], () =>
        matMul({ a, b }, { transposeA, transposeB }).data(),
      );
      await expectClose('product', want, got, 1e-5);
    }
  });

  it('computes on tensors that are more than the device binds at a time, with few workgroups a dimension', async () => {
    const [width, vocabSize, tokens] = [3, 150, 100];
    const ids = tensor(
      Int32Array.from({ length: tokens }, (_, i) => (i * i + 7 * i) % vocabSize),
      [1, tokens],
      'int32',
    );
    const w = tensor2d(sines(vocabSize * width, 1), [vocabSize, width]);
    const [x, dy] = [tensor(sines(tokens * width, 2), [1, tokens, width]), tensor(sines(tokens * width, 3), [1, tokens, width])];
    const attrs = { learningRate: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0.1, step: 2, gradientScale: 0.5, largestNorm: 1 };
    const all = async () => {
      const outputs = tidy(() => {
        const square = mul(w, w);
        const stepped = adamwStep({ param: w, grad: sub(w, square), mean: w, square, measured: tensor1d([1, 2]) }, attrs);
        const [dw] = grads((of: Tensor) => embedding({ ids, w: of } as never))([w], dy) as [Tensor];
        return [embedding({ ids, w } as never), dw, silu(x), siluGate({ x, gate: dy }), softplus(x), addN([x, dy, x]), ...stepped];
      });
      const [sum] = [squareSum({ x: w })];
      return Promise.all([...outputs, sum].map((one) => one.data()));
    };
    const want = await all();
    const names = [
      'SsmEmbedding',
      'SsmEmbeddingGrad',
      'SsmSilu',
      'SsmSiluGate',
      'SsmSoftplus',
      'SsmAdamwStep',
      'SsmSquareSum',
      'Add',
      'Multiply',
    ];
    const got = await withLimits({ maxStorageBufferBindingSize: 4 * 64 * width, maxComputeWorkgroupsPerDimension: 2 }, names, all);
    // sums in another order: of the squares, and of equal ids whose tokens lie in two parts
    for (const [i, values] of want.entries())
      await expectClose(`output ${i}`, values, got[i] as Float32Array, i === 1 || i === 9 ? 5e-6 : 0);
    expect(want.length).toBe(10);
  });

  describe('computes part by part what is more than the device binds at a time', () => {
    const [B, T, E, N, H, K, V] = [5, 37, 6, 3, 2, 3, 4];
    const of = (seed: number, ...shape: number[]) =>
      tensor(
        sines(
          shape.reduce((a, b) => a * b, 1),
          seed,
        ),
        shape,
      );
    const starts = () =>
      tensor(
        Int32Array.from({ length: B * T }, (_, i) => Number(i % 11 === 3)),
        [B, T],
        'int32',
      );
    const targets = (rows: number, vocabulary: number) =>
      tensor1d(
        Int32Array.from({ length: rows }, (_, i) => (i % 5 === 1 ? -100 : (i * 7) % vocabulary)),
        'int32',
      );
    /** The outputs for some inputs, and the gradients of all of those that are floats. */
    const both = (call: (inputs: Record<string, Tensor>) => Tensor | Tensor[], inputs: Record<string, Tensor>) => (): Tensor[] =>
      tidy(() => {
        const floats = Object.entries(inputs).filter(([, { dtype }]) => dtype === 'float32');
        const outputs = [call(inputs)].flat();
        const loss = (...given: Tensor[]) => {
          const found = [call({ ...inputs, ...Object.fromEntries(floats.map(([name], i) => [name, given[i] as Tensor])) })].flat();
          return addN(found.map((output, i) => sum(mul(output, of(20 + i, ...output.shape))))) as Tensor;
        };
        return [...outputs, ...grads(loss)(floats.map(([, tensor]) => tensor))];
      });
    const cases: [string, string[], number, () => Tensor[]][] = [
      [
        'rmsNorm',
        ['SsmRmsNorm', 'SsmRmsNormGrad'],
        64,
        both(({ x, weight }) => rmsNorm({ x, weight } as never), { x: of(1, B, T, E), weight: of(2, E) }),
      ],
      [
        'rmsNorm with a gate',
        ['SsmRmsNorm', 'SsmRmsNormGrad'],
        64,
        both(({ x, weight, gate }) => rmsNorm({ x, weight, gate } as never, { groupSize: 3 }), {
          x: of(1, B, T, E),
          weight: of(2, E),
          gate: of(3, B, T, E),
        }),
      ],
      [
        'causalConv1d',
        ['SsmCausalConv1d', 'SsmCausalConv1dGrad'],
        256,
        both(({ x, w, bias, tail }) => causalConv1d({ x, w, bias, tail, documentStarts: starts() } as never, { activation: 'silu' }), {
          ...{ x: of(1, B, T, E), w: of(2, E, 4), bias: of(3, E), tail: of(4, B, E, 3) },
        }),
      ],
      [
        'selectiveScan',
        ['SsmSelectiveScan', 'SsmSelectiveScanGrad'],
        960,
        both(
          ({ u, delta, A, B, C, D, h0 }) =>
            selectiveScan({ u, delta: softplus(delta as Tensor), A, B, C, D, h0, documentStarts: starts() } as never),
          {
            ...{ u: of(1, B, T, E), delta: of(2, B, T, E), A: mul(softplus(of(3, E, N)), -1), B: of(4, B, T, N), C: of(5, B, T, N) },
            ...{ D: of(6, E), h0: of(7, B, E, N) },
          },
        ),
      ],
      [
        'decayScan with a decay for each token',
        ['SsmDecayScan', 'SsmDecayScanGrad'],
        320,
        both(({ q, k, v, logDecay, s0 }) => decayScan({ q, k, v, logDecay: mul(softplus(logDecay as Tensor), -1), s0 } as never), {
          ...{ q: of(1, B, T, H, K), k: of(2, B, T, H, K), v: of(3, B, T, H, V), logDecay: of(4, B, T, H), s0: of(5, B, H, K, V) },
        }),
      ],
      [
        'decayScan with a constant decay',
        ['SsmDecayScan', 'SsmDecayScanGrad'],
        320,
        both(
          ({ q, k, v, logDecay }) =>
            decayScan({ q, k, v, logDecay: mul(softplus(logDecay as Tensor), -1), documentStarts: starts() } as never),
          {
            ...{ q: of(1, B, T, H, K), k: of(2, B, T, H, K), v: of(3, B, T, H, V), logDecay: of(4, H) },
          },
        ),
      ],
      ...(['mean', 'none'] as const).map((reduction): [string, string[], number, () => Tensor[]] => [
        `crossEntropy, ${reduction}`,
        ['SsmCrossEntropy', 'SsmCrossEntropyGrad'],
        192,
        both(({ logits }) => crossEntropy({ logits, targets: targets(23, 50) } as never, { reduction }), { logits: of(1, 23, 50) }),
      ]),
      [
        'linearCrossEntropy',
        ['SsmLinearCrossEntropy', 'SsmMatMul'],
        64 * 50,
        both(({ x, w }) => linearCrossEntropy({ x, w, targets: targets(300, 50) } as never), { x: of(1, 300, 13), w: of(2, 50, 13) }),
      ],
      ['cumsum', ['SsmCumsum'], 128, both(({ x }) => cumsum({ x: x as Tensor }, { axis: 1 }), { x: of(1, B, 12, E) })],
      ['cumsum along the first axis', ['SsmCumsum'], 64, both(({ x }) => cumsum({ x: x as Tensor }, { axis: 0 }), { x: of(1, 9, B, E) })],
    ];

    it.each(cases)('%s', async (_, names, values, compute) => {
      const results = async () => {
        const outputs = compute();
        const values = await Promise.all(outputs.map((one) => one.data()));
        dispose(outputs);
        return values;
      };
      const want = await results();
      const limits = { maxStorageBufferBindingSize: 4 * values, maxComputeWorkgroupsPerDimension: 2 };
      const pool = (findBackend('webgpu') as unknown as { bufferManager: { numUsedBuffers: number } }).bufferManager;
      const before = pool.numUsedBuffers;
      const got = await withLimits(limits, names, results);
      expect(pool.numUsedBuffers, 'parts are given back').toBe(before);
      for (const [i, output] of want.entries()) await expectClose(`output ${i}`, output, got[i] as Float32Array, 5e-6);
      expect(want.length).toBeGreaterThan(1);
    });
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

const sines = (length: number, seed: number): Float32Array => Float32Array.from({ length }, (_, i) => Math.sin(seed + i * 12.9898));

/** Bytes that do not grow with the operands: of 1024 ids that are sorted at a time, and of 1024 sums for each part, here three. */
const SCRATCH: Readonly<Record<string, number>> = { SsmEmbeddingGrad: 2 * 4 * 1024, SsmSquareSum: 3 * 4 * 1024 };

/** Runs something on a device that allows less, and looks at what the named programs bind. */
async function withLimits<T>(fewer: Record<string, number>, names: readonly string[], run: () => Promise<T>): Promise<T> {
  const own = device();
  const { limits } = own;
  const most = fewer.maxStorageBufferBindingSize as number;
  const bind = own.createBindGroup.bind(own);
  const bound = new Set<string>();
  own.createBindGroup = (described) => {
    const { label = '' } = described;
    for (const { resource } of names.includes(label) ? described.entries : []) {
      const { buffer, size = buffer.size } = resource as GPUBufferBinding;
      bound.add(label);
      expect(size, label).toBeLessThanOrEqual(Math.max(most, SCRATCH[label] ?? 0));
    }
    return bind(described);
  };
  const value = new Proxy(limits, { get: (of, name) => fewer[name as string] ?? Reflect.get(of, name, of) });
  Object.defineProperty(own, 'limits', { value, configurable: true });
  try {
    return await run();
  } finally {
    Object.defineProperty(own, 'limits', { value: limits, configurable: true });
    own.createBindGroup = bind;
    expect([...bound].sort()).toEqual([...names].sort());
  }
}

const device = () => (findBackend('webgpu') as unknown as { device: GPUDevice }).device;
