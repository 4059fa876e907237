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
import { expectClose } from '@densessm/testing';
import { addN, dispose, findBackend, grads, mul, sub, sum, type Tensor, tensor, tensor1d, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { missingDevice } from './webgpu-device';

const missing = await missingDevice('tests/webgpu-limits.test.ts');

describe.skipIf(missing)('tensors on WebGPU that are more than the device binds at a time', () => {
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
