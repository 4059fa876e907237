import { describeKernelChecks } from '@densessm/testing';
import { dispose, engine, setBackend, sum, tensor1d, valueAndGrad } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { gelu, geluTanh, logSigmoid, silu, softplus } from './activations';
import { activationChecks } from './checks';

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/** erf by its Taylor series, whose terms stay small enough in float64 up to |x| = 4; beyond, erf is ±1 to 2e-8. */
function erf(x: number): number {
  if (Math.abs(x) > 4) return Math.sign(x);
  let [term, total] = [x, x];
  for (let n = 1; n < 120; n++) {
    term *= -(x * x) / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
}

const inner = (x: number): number => Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
const exact = {
  silu: { f: silu, value: (x: number) => x * sigmoid(x), slope: (x: number) => sigmoid(x) * (1 + x * sigmoid(-x)) },
  softplus: { f: softplus, value: (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), slope: sigmoid },
  logSigmoid: {
    f: logSigmoid,
    value: (x: number) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x))),
    slope: (x: number) => sigmoid(-x),
  },
  gelu: {
    f: gelu,
    value: (x: number) => (x / 2) * (1 + erf(x * Math.SQRT1_2)),
    slope: (x: number) => (1 + erf(x * Math.SQRT1_2)) / 2 + x * density(x),
  },
  geluTanh: {
    f: geluTanh,
    value: (x: number) => x * sigmoid(2 * inner(x)),
    slope: (x: number) =>
      sigmoid(2 * inner(x)) + x * sigmoid(2 * inner(x)) * sigmoid(-2 * inner(x)) * 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x),
  },
};
const points = Float32Array.of(-80, -30, -15, -8, -5, -3, -2, -1, -0.5, -0.1, -1e-3, 0, 1e-3, 0.1, 0.5, 1, 2, 3, 5, 8, 15, 30, 80);

describe.each(['cpu', 'wasm'])('activations on %s', (backend) => {
  it.each(Object.entries(exact))('%s agrees with float64 in value and gradient', async (_, { f, value, slope }) => {
    await setBackend(backend);
    const before = engine().memory().numTensors;
    const x = tensor1d(points);
    const y = f(x);
    const { value: total, grad } = valueAndGrad((one) => sum(f(one)))(x);
    const [got, gradient] = [await y.data(), await grad.data()];
    dispose([x, y, total, grad]);
    expect(engine().memory().numTensors).toBe(before);
    points.forEach((point, i) => {
      // one part in a million of the value, and the same of 1 near zero: float32 with tfjs's approximate erf (1.5e-7)
      const near = (have: number | undefined, want: number) =>
        expect(Math.abs((have as number) - want)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(want)));
      near(got[i], value(point));
      near(gradient[i], slope(point));
    });
  });

  it('keeps small softplus values exact to float32, where ln(1 + y) would lose them', async () => {
    await setBackend(backend);
    const x = tensor1d([-15, -10, -7, -4]);
    const y = softplus(x);
    const got = await y.data();
    for (const [i, point] of [-15, -10, -7, -4].entries()) expect((got[i] as number) / Math.log1p(Math.exp(point))).toBeCloseTo(1, 6);
    dispose([x, y]);
  });
});

describeKernelChecks(activationChecks);
