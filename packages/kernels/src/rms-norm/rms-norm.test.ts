import { describeKernelParity, type Sample } from '@densessm/testing';
import { tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { rmsNormGrad } from './gradient';
import type { RmsNormAttrs } from './inputs';
import { rmsNorm } from './kernel';

const of = (shape: number[], given: { weight?: boolean; gate?: boolean }, attrs = {}) => ({
  inputs: {
    x: { shape },
    ...(given.weight ? { weight: { shape: [shape.at(-1) as number] } } : {}),
    ...(given.gate ? { gate: { shape } } : {}),
  },
  attrs,
});

const samples: Record<string, Sample<RmsNormAttrs>> = {
  'without weight': of([2, 3, 5], {}),
  'one vector': of([7], { weight: true }),
  'one value wide': of([3, 1], { weight: true }, { eps: 1e-2 }),
  'with weight': of([3, 33], { weight: true }, { eps: 1e-5 }),
  'in groups': of([2, 5, 12], { weight: true }, { groupSize: 4 }),
  'gate inside': of([2, 3, 9], { weight: true, gate: true }, { eps: 1e-5 }),
  'gate inside, in groups': of([2, 3, 10], { weight: true, gate: true }, { groupSize: 5 }),
  'gate outside': of([2, 3, 9], { weight: true, gate: true }, { normBeforeGate: true }),
  'gate outside, in groups, without weight': of([3, 6], { gate: true }, { normBeforeGate: true, groupSize: 2 }),
  'small values, large eps': {
    inputs: { x: { shape: [2, 8], value: (_, random) => 1e-4 * (random() - 0.5) } },
    attrs: { eps: 1e-2 },
  },
};
// the mean of squares and its root in float32
describeKernelParity(rmsNorm, samples, 1e-5);

const gradientSamples = Object.entries(samples).map(([name, { inputs, attrs }]) => {
  const dy = { shape: inputs.x?.shape ?? [] };
  return [name, { inputs: { ...inputs, dy }, attrs }] as const;
});
describeKernelParity(rmsNormGrad, Object.fromEntries(gradientSamples), 1e-5);

describe('rmsNorm', () => {
  it('refuses groups that do not divide the last axis', () => {
    expect(() => rmsNorm({ x: tensor([[1, 2, 3, 4, 5, 6]]) }, { groupSize: 4 })).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: SsmRmsNorm: \`groupSize\` does not cut the last axis into groups.
        expected  a divisor of 6, or 0 for all of it
        got       4
        mend      use the inner size divided by the number of groups]
    `);
  });

  it('refuses a gate of another shape', () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(() => rmsNorm({ x, gate: tensor([[1, 2]]) })).toThrow(/`gate` has the wrong shape/);
  });
});
