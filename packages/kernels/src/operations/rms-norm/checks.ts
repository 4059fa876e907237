import { type KernelCheck, kernelCheck, type Sample } from '../../checks/kernel-check';
import { rmsNormGrad } from './gradient';
import type { RmsNormAttrs } from './inputs';
import { rmsNorm } from './kernel';
import { rmsNormNaive } from './naive';

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

const gradientSamples = Object.entries(samples).map(([name, { inputs, attrs }]) => {
  const dy = { shape: inputs.x?.shape ?? [] };
  return [name, { inputs: { ...inputs, dy }, attrs }] as const;
});

/** The mean of squares and its root in float32. */
export const rmsNormChecks: readonly KernelCheck[] = [
  kernelCheck(rmsNorm, samples, 1e-5, { naive: rmsNormNaive }),
  kernelCheck(rmsNormGrad, Object.fromEntries(gradientSamples), 1e-5),
];
