import { WEIGHT_TYPES, type WeightType } from '@densessm/ssm-core';
import { expectClose, heapBuffers, normal, packedLinearNaive } from '@densessm/testing';
import { backend, findBackend, memory, setBackend } from '@tensorflow/tfjs-core';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { WasmDecodeProgram } from '../decode/program';
import type { WasmBackend } from '../heap';
import { registerWasmKernels } from '../register';
import { currentRuntime } from '../wasm-runtime';
import { PackedLinear } from './packed-linear';

beforeEach(async () => {
  await setBackend('wasm');
});

function use<T>(packed: PackedLinear, act: (packed: PackedLinear) => T): T {
  try {
    return act(packed);
  } finally {
    packed.dispose();
  }
}

/** 770 float32 additions; or, for quantized weights, activations of 16 bits: half a step is 5e-5 of an input's root mean square, and averages out. */
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
  [7, 33, 300],
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
        await expectClose(`[${rows}, ${out}, ${width}]`, packedLinearNaive(type, x, w, width, given), y, tolerance(type));
      }
    }
  });

  it.each(WEIGHT_TYPES)('reads rows that lie apart, and adds to what is there: %s', async (type) => {
    for (const rows of [3, 43]) await addRowsApart(type, rows);
  });

  it.each(WEIGHT_TYPES)('gives a row the bits that it has alone, among up to 16: %s', (type) => {
    const [most, out, width] = [16, 37, 521];
    const [x, bias] = [normal(most * width, 1), normal(out, 3)];
    use(PackedLinear.pack(normal(out * width, 2), [out, width], { type }), (packed) => {
      const alone = Array.from({ length: most }, (_, row) => [...packed.apply(x.subarray(row * width, (row + 1) * width), 1, bias)]).flat();
      for (let rows = 2; rows <= most; rows++)
        expect([...packed.apply(x.subarray(0, rows * width), rows, bias)]).toEqual(alone.slice(0, rows * out));
    });
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
      const want = packedLinearNaive(type, x, w, 33);
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
  const buffers = heapBuffers(currentRuntime('test').heap);
  const packed = PackedLinear.pack(w, [out, width], { type });
  const y = buffers.floats(before);
  packed.run(buffers.floats(apart), y, rows, { bias: buffers.floats(bias), add: true, stride });
  const product = packedLinearNaive(type, x, w, width, bias);
  await expectClose(
    'y',
    product.map((value, i) => value + (before[i] as number)),
    buffers.read(y, rows * out),
    tolerance(type),
  );
  buffers.dispose();
  packed.dispose();
  expect(() => packed.row(0)).toThrow(/disposed of/);
}

/** Twice the product's tolerance: its errors pass (silu's slope is at most 1.1), while the root mean square falls by half with the negative values. */
it.each(WEIGHT_TYPES.flatMap((type) => [2, 83].map((rows) => [type, rows] as const)))(
  'takes the silu of a product with its bias: %s, %i rows',
  async (type, rows) => {
    const [out, width] = [21, 37];
    const [x, w, bias] = [normal(rows * width, 1), normal(out * width, 2), normal(out, 3)];
    const buffers = heapBuffers(currentRuntime('test').heap);
    const y = buffers.floats(new Float32Array(rows * out));
    const packed = PackedLinear.pack(w, [out, width], { type });
    packed.run(buffers.floats(x), y, rows, { bias: buffers.floats(bias), activation: 'silu' });
    packed.dispose();
    const product = packedLinearNaive(type, x, w, width, bias);
    await expectClose(
      'y',
      product.map((value) => value / (1 + Math.exp(-value))),
      buffers.read(y, rows * out),
      2 * tolerance(type),
    );
    buffers.dispose();
  },
);

describe('packed weights', () => {
  it("stay their owner's where a decode program uses them", () => {
    const packed = PackedLinear.pack(normal(6, 1), [2, 3], { type: 'f32' });
    const program = new WasmDecodeProgram({ where: 'test', batch: 1 });
    program.products([{ matrix: packed, x: program.zeros(3), y: program.zeros(2) }]);
    program.dispose();
    expect(packed.row(1).length).toBe(3);
    packed.dispose();
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
        fix       the checkpoint is damaged, or its training diverged: use an earlier one]
    `);
    expect(packing([2, 3], { type: 'f32' }, Float32Array.of(Number.POSITIVE_INFINITY, 2, 3, 4, 5, 6))).toThrow(/Infinity at \[0, 0\]/);
  });

  it('sizes that do not fit, and types that it does not know', () => {
    expect(packing([2, 4])).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: PackedLinear: the weights have the wrong length.
        expected  2 · 4
        got       6
        fix       weights are [out, width] as on disk]
    `);
    expect(packing([0, 3])).toThrow(/two integers above 0/);
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
        fix       startBackend({ device: 'wasm' }) of a runtime package, or registerWasmKernels(findBackend('wasm'))]
    `);
  });
});
