import { fromBf16, mulberry32, WEIGHT_TYPES, type WeightType } from '@densessm/ssm-core';
import { expectClose } from '@densessm/testing';
import { backend, findBackend, memory, setBackend, tensor2d } from '@tensorflow/tfjs-core';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { DecodeWorkspace } from '../decode/workspace';
import type { WasmBackend } from '../wasm/heap';
import { registerWasmKernels } from '../wasm/register';
import { PackedLinear } from './packed-linear';
import { packedLinearReference, roundedWeights } from './reference';

beforeEach(async () => {
  await setBackend('wasm');
});

/** About normal, as weights and activations are. */
function normal(length: number, seed: number): Float32Array {
  const random = mulberry32(seed);
  return Float32Array.from({ length }, () => random() + random() + random() + random() - 2);
}

function use<T>(packed: PackedLinear, act: (packed: PackedLinear) => T): T {
  try {
    return act(packed);
  } finally {
    packed.dispose();
  }
}

const rowsOf = (packed: PackedLinear): number[] => Array.from({ length: packed.out }, (_, row) => [...packed.row(row)]).flat();

const rootMeanSquare = (values: ArrayLike<number>): number =>
  Math.sqrt(Array.from(values).reduce((sum, x) => sum + x * x, 0) / values.length);
const errorOf = (rounded: Float32Array, exact: Float32Array): number =>
  rootMeanSquare(rounded.map((value, i) => value - (exact[i] as number)));

/** 770 float32 additions; or, for whole numbers, activations of 16 bits: half a step is 5e-5 of an input's root mean square, and averages out. */
const tolerance = (type: WeightType): number => (type === 'f32' || type === 'bf16' ? 2e-5 : 1e-4);

/** Panels of 16 outputs, groups of 32 inputs, pairs of inputs, few and many rows: on, below and above each limit; some have several blocks. */
const sizes = [
  [1, 1, 1],
  [1, 15, 31],
  [2, 16, 32],
  [3, 17, 33],
  [8, 5, 64],
  [5, 31, 97],
  [1, 1029, 770],
  [4, 16, 33],
  [41, 17, 65],
  [43, 40, 31],
  [70, 530, 290],
] as const;

describe.each(['relaxed', 'standard'] as const)('PackedLinear, %s build', (simd) => {
  beforeEach(async () => {
    await registerWasmKernels(findBackend('wasm'), { simd });
  });
  afterAll(async () => {
    await registerWasmKernels(findBackend('wasm'));
  });

  it.each(WEIGHT_TYPES)('multiplies as the plain reference does with the rounded weights: %s', async (type) => {
    for (const [rows, out, width] of sizes) {
      const [x, w, bias] = [normal(rows * width, 1), normal(out * width, 2), normal(out, 3)];
      for (const given of [bias, undefined]) {
        const y = use(PackedLinear.pack(w, [out, width], { type }), (packed) => packed.apply(x, rows, given));
        await expectClose(`[${rows}, ${out}, ${width}]`, packedLinearReference(type, x, w, width, given), y, tolerance(type));
      }
    }
  });

  it.each(WEIGHT_TYPES)('reads rows that lie apart, and adds to what is there: %s', async (type) => {
    for (const rows of [3, 43]) await addRowsApart(type, rows);
  });

  it.each(WEIGHT_TYPES)('makes NaN of an input that is not finite, and of it alone: %s', (type) => {
    const w = normal(20 * 40, 4);
    const cases = [2, 41].flatMap((rows) =>
      [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((bad) => [rows, bad] as const),
    );
    for (const [rows, bad] of cases) {
      const x = normal(rows * 40, 5);
      x[39] = bad;
      const y = use(PackedLinear.pack(w, [20, 40], { type }), (packed) => packed.apply(x, rows));
      expect([...y.subarray(0, 20)].some(Number.isFinite)).toBe(false);
      expect([...y.subarray(20)].every(Number.isFinite)).toBe(true);
    }
  });

  it.each(WEIGHT_TYPES)('takes inputs of any size up to the limits of float32: %s', async (type) => {
    for (const scale of [1e-28, 1e30]) {
      const [x, w] = [normal(33, 6).map((value) => value * scale), normal(17 * 33, 7)];
      const y = use(PackedLinear.pack(w, [17, 33], { type }), (packed) => packed.apply(x, 1));
      const want = packedLinearReference(type, x, w, 33);
      await expectClose(
        `${scale}`,
        want.map((value) => value / scale),
        Float64Array.from(y, (value) => value / scale),
        tolerance(type),
      );
    }
    const zeros = use(PackedLinear.pack(normal(33, 8), [1, 33], { type }), (packed) => packed.apply(new Float32Array(33), 1));
    expect([...zeros]).toEqual([0]);
  });
});

async function addRowsApart(type: WeightType, rows: number): Promise<void> {
  const [out, width, stride] = [21, 37, 50];
  const [apart, w, bias, before] = [normal(rows * stride, 1), normal(out * width, 2), normal(out, 3), normal(rows * out, 4)];
  const x = Float32Array.from({ length: rows * width }, (_, i) => apart[Math.floor(i / width) * stride + (i % width)] as number);
  const work = new DecodeWorkspace();
  const weights = tensor2d(w, [out, width]);
  const packed = await work.matrix(weights, { type });
  const y = work.floats(before);
  packed.run(work.floats(apart), y, rows, { bias: work.floats(bias), add: true, stride });
  const product = packedLinearReference(type, x, w, width, bias);
  await expectClose(
    'y',
    product.map((value, i) => value + (before[i] as number)),
    work.view(y, rows * out),
    tolerance(type),
  );
  work.dispose();
  weights.dispose();
  expect(() => packed.row(0)).toThrow(/disposed of/);
}

/** Twice the product's tolerance: its errors pass (silu's slope is at most 1.1), while the root mean square falls by half with the negative values. */
it.each(WEIGHT_TYPES.flatMap((type) => [2, 83].map((rows) => [type, rows] as const)))(
  'takes the silu of a product with its bias: %s, %i rows',
  async (type, rows) => {
    const [out, width] = [21, 37];
    const [x, w, bias] = [normal(rows * width, 1), normal(out * width, 2), normal(out, 3)];
    const work = new DecodeWorkspace();
    const y = work.floats(rows * out);
    const packed = PackedLinear.pack(w, [out, width], { type });
    packed.run(work.floats(x), y, rows, { bias: work.floats(bias), activation: 'silu' });
    packed.dispose();
    const product = packedLinearReference(type, x, w, width, bias);
    await expectClose(
      'y',
      product.map((value) => value / (1 + Math.exp(-value))),
      work.view(y, rows * out),
      2 * tolerance(type),
    );
    work.dispose();
  },
);

describe('packed weights', () => {
  it("stay their owner's where a workspace uses them", async () => {
    const packed = PackedLinear.pack(normal(6, 1), [2, 3], { type: 'f32' });
    const work = new DecodeWorkspace();
    expect(await work.matrix(packed, { type: 'int8' })).toBe(packed);
    work.dispose();
    expect(packed.row(1).length).toBe(3);
    packed.dispose();
  });

  it.each(WEIGHT_TYPES)('give back their rows as they were rounded: %s', (type) => {
    const [out, width] = [37, 70];
    const w = normal(out * width, 9);
    const rounded = roundedWeights(type, w, width);
    use(PackedLinear.pack(w, [out, width], { type }), (packed) => {
      for (let row = 0; row < out; row++) expect(packed.row(row)).toEqual(rounded.subarray(row * width, (row + 1) * width));
    });
  });

  it.each(WEIGHT_TYPES)('may be written part by part: %s', (type) => {
    const [out, width] = [37, 70];
    const w = normal(out * width, 9);
    const whole = use(PackedLinear.pack(w, [out, width], { type }), rowsOf);
    const parts = use(PackedLinear.empty([out, width], { type }), (packed) => {
      for (const [first, end] of [
        [20, 37],
        [0, 1],
        [1, 20],
      ] as const)
        packed.write(first, w.subarray(first * width, end * width));
      expect(() => packed.write(36, w.subarray(0, 2 * width))).toThrow(/there are no such rows/);
      expect(() => packed.write(0, w.subarray(0, 71))).toThrow(/there are no such rows/);
      return rowsOf(packed);
    });
    expect(parts).toEqual(whole);
  });

  it.each([
    ['int8', -127, 127],
    ['int4', -8, 7],
  ] as const)('take whole numbers as they are: %s', (type, least, most) => {
    const [out, width] = [19, 70];
    const numbers = Int8Array.from({ length: out * width }, (_, i) => least + (i % (most - least + 1)));
    const scales = Uint16Array.from({ length: 3 * out }, (_, i) => 0x3c00 + i);
    const want = Array.from(
      numbers,
      (number, i) => fromBf16(scales[3 * Math.floor(i / width) + Math.floor((i % width) / 32)] as number) * number,
    );
    const got = use(PackedLinear.empty([out, width], { type }), (packed) => {
      packed.writeIntegers(0, { numbers: numbers.subarray(0, 3 * width), scales: scales.subarray(0, 9) });
      packed.writeIntegers(3, { numbers: numbers.subarray(3 * width), scales: scales.subarray(9) });
      expect(() => packed.writeIntegers(0, { numbers, scales: scales.subarray(1) })).toThrow(/the scales have the wrong length/);
      return rowsOf(packed);
    });
    expect(got).toEqual(want);
    const integers = { numbers, scales };
    expect(() => use(PackedLinear.empty([out, width], { type: 'bf16' }), (packed) => packed.writeIntegers(0, integers))).toThrow(
      /whole numbers/,
    );
  });

  it('take 32, 16, 8.5 and 4.5 bits each', () => {
    const bits = (type: WeightType) =>
      use(PackedLinear.pack(new Float32Array(64 * 64), [64, 64], { type }), (packed) => (8 * packed.sizeBytes) / (64 * 64));
    expect(WEIGHT_TYPES.map(bits)).toEqual([32, 16, 8.5, 4.5]);
  });

  it('lose no more than in bfloat16, q8_0 and q4_0', () => {
    const w = normal(512 * 32, 10);
    const group = (i: number) => w.subarray(i - (i % 32), i - (i % 32) + 32);
    const scaled = (numberOf: (scaled: number) => number, scaleOf: (group: Float32Array) => number) =>
      w.map((value, i) => scaleOf(group(i)) * numberOf(value / scaleOf(group(i))));
    const largest = (values: Float32Array) => values.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
    // llama.cpp's, with scales that are not even rounded
    const q8 = scaled(Math.round, (values) => Math.abs(largest(values)) / 127);
    const q4 = scaled(
      (value) => Math.min(7, Math.floor(value + 0.5)),
      (values) => largest(values) / -8,
    );
    const error = (type: WeightType) => errorOf(roundedWeights(type, w, 32), w);
    expect(error('int8')).toBeLessThan(1.01 * errorOf(q8, w)); // the scale has 8 bits
    expect(error('int4')).toBeLessThan(0.98 * errorOf(q4, w));
    expect(error('bf16')).toBeLessThan(0.002 * rootMeanSquare(w));
  });

  it('keep the largest and the smallest numbers finite', () => {
    const w = Float32Array.from({ length: 64 }, (_, i) => (i < 32 ? 3e38 : 1e-44) * (i % 2 ? 1 : -1));
    for (const type of WEIGHT_TYPES) expect(roundedWeights(type, w, 32).every(Number.isFinite)).toBe(true);
  });

  it('free what they take', () => {
    const before = [memory().numTensors, (backend() as unknown as WasmBackend).wasm.asm?.memory?.buffer.byteLength];
    const w = new Float32Array(500 * 500);
    for (let i = 0; i < 100; i++) use(PackedLinear.pack(w, [500, 500], { type: 'f32' }), () => undefined); // 100 MB if not
    expect([memory().numTensors, (backend() as unknown as WasmBackend).wasm.asm?.memory?.buffer.byteLength]).toEqual(before);
  });
});

describe('PackedLinear refuses', () => {
  const weights = new Float32Array(6);
  const packing =
    (shape: [number, number], options: object = {}, values = weights) =>
    () =>
      PackedLinear.pack(values, shape, { type: 'int8', ...options });

  it('weights that are not finite', () => {
    expect(packing([2, 3], {}, Float32Array.of(1, 2, 3, 4, Number.NaN, 6))).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: PackedLinear: a weight is not finite.
        expected  numbers
        got       NaN at [1, 1]
        mend      the checkpoint is damaged, or its training diverged: use an earlier one]
    `);
    expect(packing([2, 3], { type: 'f32' }, Float32Array.of(Number.POSITIVE_INFINITY, 2, 3, 4, 5, 6))).toThrow(/Infinity at \[0, 0\]/);
  });

  it('sizes that do not fit, and types that it does not know', () => {
    expect(packing([2, 4])).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: PackedLinear: the weights have the wrong length.
        expected  2 · 4
        got       6
        mend      weights are [out, width] as on disk]
    `);
    expect(packing([0, 3])).toThrow(/two whole numbers above 0/);
    expect(packing([2, 3], { type: 'int2' })).toThrow(/weights cannot be kept in this type/);
  });

  it('inputs and rows that do not fit, and work after its end', () => {
    const packed = packing([2, 3])();
    expect(() => packed.apply(new Float32Array(4), 1)).toThrow(/the input has the wrong length/);
    expect(() => packed.apply(new Float32Array(3), 1, new Float32Array(3))).toThrow(/the bias has the wrong length/);
    expect(() => packed.row(2)).toThrow(/there are no such rows/);
    packed.dispose();
    packed.dispose();
    expect(() => packed.apply(new Float32Array(3), 1)).toThrow(/weights that were disposed of/);
  });

  it('a backend without our kernels', async () => {
    await setBackend('cpu');
    expect(packing([2, 3])).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: PackedLinear: the backend in use does not run our WebAssembly.
        expected  tfjs's wasm backend, with our kernels registered
        got       cpu
        mend      startBackend({ device: 'wasm' }) of a runtime package, or registerWasmKernels(findBackend('wasm'))]
    `);
  });
});
