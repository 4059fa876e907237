import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tensorValues } from './dtypes';
import { type FloatDtype, floatBytes } from './narrow';

const NARROW: readonly FloatDtype[] = ['F16', 'BF16'];
const back = (bytes: Uint8Array, dtype: FloatDtype): Float32Array =>
  tensorValues('x', { dtype, shape: [bytes.length / 2], bytes }) as Float32Array;

describe.each(NARROW)('%s', (dtype) => {
  const every = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
  const all = back(new Uint8Array(every.buffer), dtype);

  it('keeps each of its 65536 numbers', () => {
    const again = back(floatBytes('x', all, dtype), dtype);
    expect(all.findIndex((value, i) => !Object.is(value, again[i]))).toBe(-1);
  });

  it('rounds to the nearest number, halfway to the even one', () => {
    const finite = every.filter((half) => half < (dtype === 'F16' ? 0x7bff : 0x7f7f));
    for (const [factor, up] of [
      [0.49, false],
      [0.5, undefined],
      [0.51, true],
    ] as const) {
      const between = Float32Array.from(finite, (half) => {
        const [low, high] = [all[half], all[half + 1]] as [number, number];
        return low + (high - low) * factor;
      });
      const got = new Uint16Array(floatBytes('x', between, dtype).buffer);
      // float32 cannot hold 0.49 of the smallest steps of bfloat16, whose subnormals are as fine as its own
      const wrong = finite.filter((half, i) => {
        const isExact = (between[i] as number) !== all[half] && (between[i] as number) !== all[half + 1];
        return isExact && got[i] !== half + Number(up ?? (half & 1) === 1);
      });
      expect([...wrong]).toEqual([]);
    }
  });

  it('is as near as its neighbors for any number', () => {
    const check = (value: number): void => {
      const [half] = new Uint16Array(floatBytes('x', Float32Array.of(value), dtype).buffer) as unknown as [number];
      const error = Math.abs((all[half] as number) - value);
      for (const other of [half - 1, half + 1]) {
        const neighbor = all[other];
        if (neighbor !== undefined && Number.isFinite(neighbor)) expect(Math.abs(neighbor - value)).toBeGreaterThanOrEqual(error);
      }
    };
    fc.assert(fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), check), { seed: 1, numRuns: 2000 });
  });

  it('keeps infinities, NaN and the sign of zero', () => {
    expect([...back(floatBytes('x', Float32Array.of(Infinity, -Infinity, Number.NaN, -0), dtype), dtype)]).toEqual([
      Infinity,
      -Infinity,
      Number.NaN,
      -0,
    ]);
  });
});

describe('floatBytes', () => {
  it('refuses to make a weight infinite', () => {
    expect(() => floatBytes('head.weight', Float32Array.of(1, 65520), 'F16')).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: \`head.weight\` does not fit F16.
        expected  values below 65520
        got       65520
        fix       save as BF16 or F32]
    `);
    expect(() => floatBytes('x', Float32Array.of(3.4e38), 'BF16')).toThrow(/save as F32/);
    expect(back(floatBytes('x', Float32Array.of(65519), 'F16'), 'F16')[0]).toBe(65504);
  });

  it('gives float32 as it lies', () => {
    const values = Float32Array.of(0, 1, 2).subarray(1);
    expect(floatBytes('x', values, 'F32').buffer).toBe(values.buffer);
  });
});
