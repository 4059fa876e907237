import { setBackend } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { decayLogarithms, positionsFrom, retentionScale, rotationAngles } from './positions';

describe('rotationAngles', () => {
  it('runs from 1 to 1/10000 in equal ratios, each angle twice', () => {
    const angles = rotationAngles(8);
    const ratio = 10000 ** (-1 / 3);
    for (const [k, angle] of angles.entries()) expect(angle / ratio ** Math.floor(k / 2)).toBeCloseTo(1, 6);
  });

  it('is 1 where a head has one pair', () => {
    expect([...rotationAngles(2)]).toEqual([1, 1]);
  });
});

describe('decay', () => {
  it('is 1 − 2^(−5−h) for head h, as float32 logarithms', () => {
    for (const [h, ln] of decayLogarithms(4).entries()) expect(Math.exp(ln)).toBeCloseTo(1 - 2 ** (-5 - h), 8);
  });

  it('ends where float32 cannot tell γ from 1', () => {
    expect(decayLogarithms(21)[20]).toBe(0);
    expect(retentionScale(21, 100)[20]).toBe(100);
  });

  it('adds up to the scale', () => {
    const sums = Array.from(decayLogarithms(3), (ln) => Array.from({ length: 50 }, (_, j) => Math.exp(ln * j)).reduce((a, b) => a + b));
    for (const [h, scale] of retentionScale(3, 50).entries()) expect(scale / (sums[h] as number)).toBeCloseTo(1, 12);
  });
});

describe('positionsFrom', () => {
  it('continues where another call ended', async () => {
    await setBackend('cpu');
    const sizes = { numHeads: 2, keyDim: 8, valueDim: 6 };
    const [whole, tail] = [positionsFrom(0, 7, sizes), positionsFrom(5, 2, sizes)];
    for (const name of ['cos', 'sin', 'inverseRootScale'] as const) {
      const values = await whole[name].data();
      expect([...(await tail[name].data())]).toEqual([...values.slice((5 * values.length) / 7)]);
    }
  });

  it('turns by the angle of each position, across blocks and wherever it begins', async () => {
    await setBackend('cpu');
    const sizes = { numHeads: 2, keyDim: 8, valueDim: 6 };
    const angles = rotationAngles(4);
    for (const [start, length] of [
      [0, 200],
      [60, 10],
      [4095, 2],
    ] as const) {
      const { cos, sin } = positionsFrom(start, length, sizes);
      const [c, s] = [await cos.data(), await sin.data()];
      for (let i = 0; i < 4 * length; i++) {
        const angle = (angles[i % 4] as number) * (start + Math.floor(i / 4));
        expect(Math.abs((c[i] as number) - Math.cos(angle))).toBeLessThan(1e-7); // a unit of float32 below 1 is 6e-8
        expect(Math.abs((s[i] as number) - (i % 2 ? 1 : -1) * Math.sin(angle))).toBeLessThan(1e-7);
      }
    }
  });
});
