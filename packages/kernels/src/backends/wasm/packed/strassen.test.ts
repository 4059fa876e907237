import { expectClose, heapBuffers, normal, packedLinearNaive } from '@densessm/testing';
import { findBackend, setBackend } from '@tensorflow/tfjs-core';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { registerWasmKernels } from '../register';
import { currentRuntime } from '../wasm-runtime';
import { PackedLinear, type PackedProductOptions } from './packed-linear';

/** Of 512 to 1,024 products; the largest error of Strassen multiplication was 6e-6 of the root mean square, of the plain product 2e-6. */
const TOLERANCE = 2e-5;

/** The smallest sizes that are made so, one row more, several parts with an odd number of rows in the last, two depths, a part with few columns. */
const sizes = [
  [128, 512, 512],
  [129, 512, 512],
  [543, 544, 512],
  [259, 512, 1544],
] as const;

describe.each(['relaxed', 'standard'] as const)('Strassen multiplication, %s build', (simd) => {
  beforeEach(async () => {
    await setBackend('wasm');
    await registerWasmKernels(findBackend('wasm'), { simd });
  });
  afterAll(async () => {
    await registerWasmKernels(findBackend('wasm'));
  });

  it.each(sizes)('make the product of %i rows, %i outputs of %i inputs', async (rows, out, width) => {
    const [x, w, bias] = [normal(rows * width, 1), normal(out * width, 2), normal(out, 3)];
    const packed = PackedLinear.pack(w, [out, width], { type: 'f32' });
    expect(packed.activationsBytes(rows)).toBeGreaterThan(0);
    for (const given of [bias, undefined])
      await expectClose('y', packedLinearNaive('f32', x, w, width, given), packed.apply(x, rows, given), TOLERANCE);
    packed.dispose();
  });

  it('read rows that lie apart, add to what is there, and take the silu', async () => {
    const [rows, out, width, stride] = [129, 512, 512, 520];
    const [apart, w, bias, before] = [normal(rows * stride, 1), normal(out * width, 2), normal(out, 3), normal(rows * out, 4)];
    const x = Float32Array.from({ length: rows * width }, (_, i) => apart[Math.floor(i / width) * stride + (i % width)] as number);
    const buffers = heapBuffers(currentRuntime('test').heap);
    const packed = PackedLinear.pack(w, [out, width], { type: 'f32' });
    const run = (options: PackedProductOptions): Float32Array => {
      const y = buffers.floats(before);
      packed.run(buffers.floats(apart), y, rows, { bias: buffers.floats(bias), stride, ...options });
      return buffers.read(y, rows * out);
    };
    const product = packedLinearNaive('f32', x, w, width, bias);
    const added = product.map((value, i) => value + (before[i] as number));
    await expectClose('added', added, run({ add: true }), TOLERANCE);
    const active = product.map((value) => value / (1 + Math.exp(-value)));
    await expectClose('silu', active, run({ activation: 'silu' }), 2 * TOLERANCE); // half of it is about 0
    packed.dispose();
    buffers.dispose();
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 2e38])('leave %d to the row that has it', (bad) => {
    const [rows, out, width] = [531, 512, 512];
    const x = normal(rows * width, 5);
    for (const row of [3, 300]) x[row * width + 400] = bad;
    const packed = PackedLinear.pack(normal(out * width, 4), [out, width], { type: 'f32' });
    const y = packed.apply(x, rows);
    packed.dispose();
    const clean = (row: number) => y.subarray(row * out, (row + 1) * out).every((value) => Math.abs(value) < 1e3);
    expect(Array.from({ length: rows }, (_, row) => row).filter((row) => !clean(row))).toEqual([3, 300]);
  });
});

it('keep small rows as exact as large ones', async () => {
  const [rows, out, width] = [130, 512, 512];
  const x = normal(rows * width, 6).map((value, i) => value * (i < 65 * width ? 1e4 : i < 66 * width ? 0 : 1));
  const w = normal(out * width, 7);
  const packed = PackedLinear.pack(w, [out, width], { type: 'f32' });
  const y = packed.apply(x, rows);
  packed.dispose();
  const want = packedLinearNaive('f32', x, w, width);
  const small = [66 * out, rows * out] as const;
  await expectClose('large rows', want.subarray(0, 65 * out), y.subarray(0, 65 * out), TOLERANCE);
  await expectClose('small rows', want.subarray(...small), y.subarray(...small), TOLERANCE);
  expect(y.subarray(65 * out, 66 * out).every((value) => value === 0)).toBe(true);
});

it('are for large products of rows and weights that can be halved', () => {
  const { module } = currentRuntime('this test');
  const applies = (rows: number, width: number, out: number) => module.strassenApplies?.(rows, width, out) !== 0;
  expect([applies(128, 512, 512), applies(1001, 1536, 768)]).toEqual([true, true]);
  expect([applies(127, 512, 512), applies(128, 504, 512), applies(128, 512, 480)]).toEqual([false, false, false]);
  expect([applies(128, 516, 512), applies(128, 512, 528)]).toEqual([false, false]);
});
