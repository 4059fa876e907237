import { valueAndGrads } from '@densessm/ssm-core';
import { dispose, exp, getKernel, type Scalar, setBackend, sum, type Tensor, type Tensor1D, tensor1d } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { silu, softplus } from '../activations';

/** Steps of 1/64 and some that are no such fraction, past both ends of what float32 can hold; an odd number of them. */
const points = Float32Array.from({ length: 14001 }, (_, i) => (i - 7000) / 64 + Math.sin(i) / 100);

/** The last is what counts as zero: what e^-87.4 and less make is no normal number, and silu 88.4 times that. */
const functions: [name: string, f: (x: Tensor1D) => Tensor1D, exact: (x: number) => number, nothing: number][] = [
  ['exp', exp, Math.exp, 0],
  ['softplus', softplus, (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), 1.2e-38],
  ['silu', silu, (x) => x / (1 + Math.exp(-x)), 4e-37],
];

describe.each(functions)('%s on wasm', (_, f, exact, nothing) => {
  it('is right to four roundings of float32 everywhere', async () => {
    await setBackend('wasm');
    const x = tensor1d(points);
    const y = f(x);
    const got = await y.data();
    const wrong = [...points].flatMap((point, i) => {
      const [value, want] = [got[i] as number, exact(point)];
      const bound = 2.4e-7 * Math.abs(want) + 2 ** -149 * (1 + Math.abs(point)) + nothing;
      const isRight = Math.fround(want) === Number.POSITIVE_INFINITY ? value === Number.POSITIVE_INFINITY : Math.abs(value - want) <= bound;
      return isRight ? [] : [`${value} at ${point}, not ${want}`];
    });
    expect(wrong).toEqual([]);
    dispose([x, y]);
  });

  it.each([0, 1, 2, 3, 4, 5, 7])('computes %i values and touches no others', async (size) => {
    await setBackend('wasm');
    const x = tensor1d(points.subarray(6990, 6990 + size));
    const y = f(x);
    expect(Array.from(await y.data(), (value) => value.toFixed(5))).toEqual(
      [...points.subarray(6990, 6990 + size)].map((one) => exact(one).toFixed(5)),
    );
    dispose([x, y]);
  });
});

describe('exponentials on wasm', () => {
  it('keep zero, infinities and NaN', async () => {
    await setBackend('wasm');
    const x = tensor1d([0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 88.7, 88.8]);
    const [e, s] = [exp(x), softplus(x)];
    const exps = [...(await e.data())];
    expect(exps.slice(0, 4)).toEqual([1, Number.POSITIVE_INFINITY, 0, Number.NaN]);
    expect([Number.isFinite(exps[4]), exps[5]]).toEqual([true, Number.POSITIVE_INFINITY]);
    expect([...(await s.data())].slice(1, 4)).toEqual([Number.POSITIVE_INFINITY, 0, Number.NaN]);
    dispose([x, e, s]);
  });

  it('take silu and its slope to their limits', async () => {
    await setBackend('wasm');
    const x = tensor1d([0, 1e30, -1e4, Number.POSITIVE_INFINITY, Number.NaN]);
    const { value, grads } = valueAndGrads(({ x }) => sum(silu(x)) as Scalar, { x });
    const y = silu(x);
    expect([...(await y.data())]).toEqual([0, Math.fround(1e30), -0, Number.POSITIVE_INFINITY, Number.NaN]);
    const slopes = [...((await grads.x?.data()) ?? [])];
    expect(slopes.slice(0, 2)).toEqual([0.5, 1]);
    expect(Math.abs(slopes[2] as number)).toBeLessThan(1e-33);
    expect(slopes[4]).toBeNaN();
    dispose([x, y, value, grads.x as Tensor]);
  });

  it('leave integers to tfjs', async () => {
    await setBackend('wasm');
    const fast = getKernel('Exp', 'wasm')?.kernelFunc;
    const x = tensor1d([0, 1, 2], 'int32');
    const y = exp(x);
    expect(y.dtype).toBe('float32');
    expect((await y.data())[2]).toBeCloseTo(Math.exp(2), 4);
    expect(getKernel('Exp', 'wasm')?.kernelFunc).toBe(fast);
    dispose([x, y]);
  });
});
