import { fromBf16, WEIGHT_TYPES, type WeightType } from '@densessm/ssm-core';
import { normal, roundedWeights } from '@densessm/testing';
import { findBackend, setBackend } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { registerWasmKernels } from '../register';
import { PackedLinear } from './packed-linear';

beforeAll(async () => {
  await setBackend('wasm');
  await registerWasmKernels(findBackend('wasm'));
});

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

describe('packed weights', () => {
  it.each(WEIGHT_TYPES)('give back their rows as they were rounded: %s', (type) => {
    const [out, width] = [37, 70];
    const w = normal(out * width, 9);
    const rounded = roundedWeights(type, w, width);
    use(PackedLinear.pack(w, [out, width], { type }), (packed) => {
      for (let row = 0; row < out; row++) expect(packed.row(row)).toEqual(rounded.subarray(row * width, (row + 1) * width));
    });
  });

  it.each(WEIGHT_TYPES)('are rounded to the same bits as by the functions of ssm-core, whatever their size: %s', (type) => {
    const [out, width] = [530, 610]; // more than is packed at a time
    const extremes = [0, -0, 1e-44, 1e-31, 3e-30, 3e38, -3.4028234663852886e38, 127.5, -126.5, 8, -7.5, 3.5];
    const w = normal(out * width, 11).map((value, i) => {
      const group = Math.floor(i / 31);
      return group % 3 === 0
        ? (extremes[i % 12] as number)
        : group % 3 === 1
          ? value * 10 ** ((group % 60) - 30)
          : Math.round(8 * value) / 2;
    });
    const packed = use(PackedLinear.pack(w, [out, width], { type }), rowsOf);
    expect(Float32Array.from(packed)).toEqual(roundedWeights(type, w, width));
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
  ] as const)('take integers as they are: %s', (type, least, most) => {
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
      /integers cannot/,
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
});
