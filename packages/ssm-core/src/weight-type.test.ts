import { describe, expect, it } from 'vitest';
import { fromBf16, quantizeInt4, quantizeInt8, toBf16, WEIGHT_GROUP } from './quantize';
import { bias, filter, gain, weight } from './spec';
import { WEIGHT_TYPES, weightTypeOf } from './weight-type';

describe('weightTypeOf', () => {
  it('rounds matrices, fine ones to 16 bits at most, and nothing else', () => {
    const types = (leaf: Parameters<typeof weightTypeOf>[0]) => WEIGHT_TYPES.map((type) => weightTypeOf(leaf, type));
    expect(types(weight('proj', [4, 3]))).toEqual(['f32', 'bf16', 'int8', 'int4']);
    expect(types(weight('dt_proj', [4, 3], { precision: 'fine' }))).toEqual(['f32', 'bf16', 'bf16', 'bf16']);
    for (const leaf of [weight('A_log', [4, 3], { precision: 'exact' }), filter('conv1d', [4, 1, 3]), gain('norm', 4), bias('bias', 4)])
      expect(types(leaf)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

describe('rounding to integers', () => {
  const values = Float32Array.from({ length: WEIGHT_GROUP }, (_, i) => Math.sin(1 + 7 * i) / 3);

  it.each([
    ['int8', quantizeInt8, 127],
    ['int4', quantizeInt4, 8],
  ] as const)('stays within a step of the scale that it gives: %s', (_, quantize, most) => {
    const numbers = new Int8Array(WEIGHT_GROUP);
    const scale = fromBf16(quantize(values, numbers));
    const worst = Math.max(...values.map((value, i) => Math.abs(value - scale * (numbers[i] as number))));
    expect(Math.max(...numbers.map(Math.abs))).toBeLessThanOrEqual(most);
    expect(worst).toBeLessThan(1.02 * Math.abs(scale));
    expect(worst).toBeGreaterThan(0);
  });

  it('keeps zeros, and numbers of seven bits', () => {
    const numbers = new Int8Array(WEIGHT_GROUP).fill(1);
    expect([quantizeInt8(new Float32Array(WEIGHT_GROUP), numbers), ...new Set(numbers)]).toEqual([0, 0]);
    expect([1, -2.5, 0, 255].map((value) => fromBf16(toBf16(value)))).toEqual([1, -2.5, 0, 255]);
    expect(fromBf16(toBf16(257))).toBe(256); // ties to even
  });
});
