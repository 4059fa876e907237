import {
  adamwStep,
  causalConv1d,
  crossEntropy,
  decayScan,
  embedding,
  type LinearCrossEntropyInputs,
  linearCrossEntropy,
  matMul,
  rmsNorm,
  type SelectiveScanInputs,
  selectiveScan,
  silu,
} from '@densessm/kernels';
import { evaluateSample, type KernelCheck, kernelCheck, operationCheck, type Sample } from '@densessm/kernels/checks';
import { type DecodeProgram, type ProductStep, runtimeOf, type Slot } from '@densessm/kernels/decode';
import { readStates, type ScanStates, selectiveScanShown } from '@densessm/kernels/internal';
import { PackedLinear } from '@densessm/kernels/wasm';
import { WEIGHT_TYPES } from '@densessm/ssm-core';
import { concat, exp, softplus, split, type Tensor, tidy } from '@tensorflow/tfjs-core';
import { afterAll, describe, expect, it } from 'vitest';
import { startBackend } from './start-backend';

const product = (a: number[], b: number[], transposeA = false, transposeB = false) => ({
  inputs: { a: { shape: a }, b: { shape: b } },
  attrs: { transposeA, transposeB },
});
const positive = (_: number, random: () => number) => 0.05 + random();
const negative = (_: number, random: () => number) => -0.1 - random();
const idsBelow = (limit: number) => (_: number, random: () => number) => Math.floor(limit * random());

function scan(B: number, T: number, E: number, N: number, perToken: number[]) {
  const inputs = { u: { shape: [B, T, E] }, delta: { shape: [B, T, E], value: positive }, A: { shape: [E, N], value: negative } };
  return { inputs: { ...inputs, B: { shape: perToken }, C: { shape: perToken }, D: { shape: [E] }, h0: { shape: [B, E, N] } } };
}

function decays(B: number, T: number, H: number, K: number, V: number, logDecay: number[]) {
  const heads = (width: number) => ({ shape: [B, T, H, width] });
  return { inputs: { q: heads(K), k: heads(K), v: heads(V), logDecay: { shape: logDecay, value: negative }, s0: { shape: [B, H, K, V] } } };
}

const targets = { shape: [299], dtype: 'int32' as const, value: idsBelow(131) };
const fusedHead = { inputs: { x: { shape: [299, 67] }, w: { shape: [1031, 67] }, targets } };
const normed = { x: { shape: [3, 101, 132] }, weight: { shape: [132] }, gate: { shape: [3, 101, 132] } };

/** Of every kernel that is cut, sizes that give several blocks, uneven ones. */
const checks: KernelCheck[] = [
  kernelCheck(
    matMul,
    {
      'A B': product([131, 130], [130, 137]),
      'Aᵀ B': product([130, 131], [130, 137], true),
      'A Bᵀ': product([131, 130], [137, 130], false, true),
      'few rows': product([3, 300], [300, 1501]),
      'few rows, B transposed': product([5, 301], [1503, 301], false, true),
      'one column': product([2003, 300], [300, 1]),
      'a batch of small ones': product([21, 71, 33], [21, 33, 41]),
    },
    0,
  ),
  {
    ...kernelCheck(selectiveScan, { 'one group': scan(2, 70, 67, 16, [2, 70, 16]) }, 0),
    name: 'selectiveScanShown',
    run: (given) => {
      const inputs = given as unknown as SelectiveScanInputs;
      const [y, hT, [states]] = selectiveScanShown(inputs, 1) as [Tensor, Tensor, [ScanStates]];
      return [y, hT, readStates(states, inputs.B)];
    },
  },
  kernelCheck(selectiveScan, { 'one group': scan(2, 70, 67, 16, [2, 70, 16]), 'three groups': scan(2, 70, 66, 16, [2, 70, 3, 16]) }, 0),
  kernelCheck(
    decayScan,
    { 'decay of the data': decays(3, 70, 3, 33, 65, [3, 70, 3]), 'a rate per head': decays(3, 70, 3, 33, 65, [3]) },
    0,
  ),
  kernelCheck(
    causalConv1d,
    {
      'with tail': {
        inputs: { x: { shape: [2, 260, 131] }, w: { shape: [131, 4] }, tail: { shape: [2, 131, 3] } },
        attrs: { activation: 'silu' },
      },
    },
    0,
  ),
  kernelCheck(rmsNorm, { 'with gate and groups': { inputs: normed, attrs: { groupSize: 66 } } }, 0),
  kernelCheck(
    crossEntropy,
    {
      mean: { inputs: { logits: { shape: [299, 131] }, targets } },
      'each row': { inputs: { logits: { shape: [299, 131] }, targets }, attrs: { reduction: 'none', ignoreIndex: 7 } },
    },
    0,
  ),
  {
    ...kernelCheck(crossEntropy, { 'chunks of rows': fusedHead }, 0),
    name: 'linearCrossEntropy',
    run: ({ x, w, targets }) => [linearCrossEntropy({ x, w, targets } as LinearCrossEntropyInputs, { logitValues: 120_000 })],
  },
  kernelCheck(
    embedding,
    { 'large vocabulary': { inputs: { ids: { shape: [3, 40], dtype: 'int32', value: idsBelow(2011) }, w: { shape: [2011, 133] } } } },
    0,
  ),
  kernelCheck(
    adamwStep,
    {
      'odd size': {
        inputs: {
          param: { shape: [40_003] },
          grad: { shape: [40_003] },
          mean: { shape: [40_003] },
          square: { shape: [40_003], value: positive },
        },
      },
    },
    0,
  ),
  operationCheck('functions of one value', (x) => tidy(() => [silu(x), exp(x), softplus(x)]), { 'odd size': [70_001] }, 0),
  operationCheck('parts', (x) => tidy(() => concat(split(x, [40, 91], 1).reverse(), 1)), { 'many rows': [1101, 131] }, 0),
];

const bits = (values: Float32Array): string => Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');

async function bitsOf({ run, hasGradient }: KernelCheck, sample: Sample, threads: number): Promise<Record<string, string>> {
  await startBackend({ device: 'wasm', threads });
  const { outputs, gradients } = await evaluateSample(run, sample, hasGradient);
  const named = [...outputs.map((values, i) => [`output ${i}`, values] as const), ...gradients];
  return Object.fromEntries(named.map(([name, values]) => [name, bits(values)]));
}

afterAll(() => startBackend({ device: 'wasm', threads: 1 }));

// 2 first: the setup of all tests has started one thread, on a backend that is still empty
describe.each(checks)('$name', (check) => {
  it.each(Object.entries(check.samples))('has the same bits on 1, 2 and 3 threads: %s', async (_, sample) => {
    const [two, three, one] = [await bitsOf(check, sample, 2), await bitsOf(check, sample, 3), await bitsOf(check, sample, 1)];
    const differing = (other: Record<string, string>) => Object.keys(one).filter((name) => one[name] !== other[name]);
    expect(Object.keys(one).length).toBeGreaterThan(1);
    expect([differing(two), differing(three)]).toEqual([[], []]);
  });
});

const packedProducts = WEIGHT_TYPES.flatMap((type) => [3, 83].map((rows) => [rows, type, 1029, 770] as const));
const ofHalves = [531, 'f32', 576, 520] as const;

it.each([...packedProducts, ofHalves])(
  'products of %i rows with packed weights have the same bits on 1, 2 and 3 threads: %s',
  async (rows, type, out, width) => {
    const [x, w] = [rows * width, out * width].map((length) => Float32Array.from({ length }, (_, i) => Math.sin(i)));
    const results: string[] = [];
    for (const threads of [2, 3, 1]) {
      await startBackend({ device: 'wasm', threads });
      const packed = PackedLinear.pack(w as Float32Array, [out, width], { type });
      results.push(bits(packed.apply(x as Float32Array, rows)));
      packed.dispose();
    }
    expect(new Set(results).size).toBe(1);
  },
);

type Results = [slot: Slot, size: number][];

/** The bits of what the steps of a token leave in some buffers, on 1, 2 and 3 threads. */
async function tokenBits(batch: number, record: (program: DecodeProgram, made: (size: number) => Slot) => Results): Promise<string[]> {
  const results: string[] = [];
  for (const threads of [2, 3, 1]) {
    await startBackend({ device: 'wasm', threads });
    const program = runtimeOf()?.decodeProgram?.({ where: 'test', batch }) as DecodeProgram;
    const made = (size: number) => program.constant(Float32Array.from({ length: size }, (_, i) => Math.sin(i + size)));
    const written = record(program, made);
    program.submit(new Int32Array(batch));
    const values = await Promise.all(written.map(([slot, size]) => program.read(slot, new Float32Array(size))));
    results.push(values.map(bits).join());
    program.dispose();
  }
  return results;
}

it('a token of the decay scan has the same bits on 1, 2 and 3 threads', async () => {
  const sizes = { heads: 2, groups: 1, keys: 65, values: 601 };
  const [size, width] = [4 * 65 * 601, 4 * 601];
  const results = await tokenBits(2, (program, made) => {
    const [state, o] = [made(size), made(width)];
    const rows = { q: made(130), k: made(130), stride: 65, v: made(width), vStride: 1202, decay: made(4), scale: made(4), skip: made(2) };
    program.decay({ ...rows, state, sources: [made(size)], gate: made(width), o, ...sizes });
    return [
      [o, width],
      [state, size],
    ];
  });
  expect(new Set(results).size).toBe(1);
});

it('a token of a convolution and a selective scan has the same bits on 1, 2 and 3 threads', async () => {
  const [batch, channels, stateSize] = [2, 1030, 18];
  const [width, size] = [batch * channels, batch * channels * stateSize];
  const results = await tokenBits(batch, (program, made) => {
    const [h, u, y, tail] = [made(size), made(width), made(width), made(3 * width)];
    program.convolution({ x: made(width), stride: channels, w: made(4 * channels), tail, y: u, channels, width: 4 });
    const read = { delta: made(width), A: made(channels * stateSize), bc: made(4 * stateSize), bcStride: 2 * stateSize, D: made(channels) };
    const dense = { sources: [made(size)], gate: made(width) };
    program.selective({ u, ...read, h, z: made(width), zStride: channels, ...dense, y, channels, stateSize });
    return [
      [y, width],
      [h, size],
      [tail, 3 * width],
    ];
  });
  expect(new Set(results).size).toBe(1);
});

it('values of a token one by one have the same bits on 1, 2 and 3 threads', async () => {
  const size = 2501;
  const results = await tokenBits(2, (program, made) => {
    const [silu, sum, unit] = [made(2 * size), made(2 * size), made(2 * size)];
    program.silu({ x: made(2 * size + 60), stride: size + 30, y: silu, size });
    program.denseSum({ own: made(2 * size), gate: made(2 * size), sources: [made(2 * size), silu], y: sum, size });
    program.gatedUnit({ x: sum, gate: made(2 * size), y: unit, size, activation: 'gelu' });
    return [silu, sum, unit].map((slot): [Slot, number] => [slot, 2 * size]);
  });
  expect(new Set(results).size).toBe(1);
});

it('products of several matrices at once have the same bits on 1, 2 and 3 threads, and as one by one', async () => {
  const [rows, out, width] = [2, 1029, 70];
  const values = Float32Array.from({ length: out * width }, (_, i) => Math.sin(i));
  const run = async (atOnce: boolean) => {
    const matrices: PackedLinear[] = [];
    const results = await tokenBits(rows, (program, made) => {
      const x = made(rows * width);
      const products = WEIGHT_TYPES.map((type): ProductStep => {
        const matrix = PackedLinear.pack(values, [out, width], { type });
        matrices.push(matrix);
        return { matrix, x, y: made(rows * out), add: type === 'bf16', bias: made(out) };
      });
      for (const some of atOnce ? [products] : products.map((one) => [one])) program.products(some);
      return products.map(({ y }): [Slot, number] => [y, rows * out]);
    });
    for (const matrix of matrices) matrix.dispose();
    return results;
  };
  expect(new Set([...(await run(true)), ...(await run(false))]).size).toBe(1);
});
