import { type KernelCheck, kernelCheck, type Sample } from '../checks/kernel-check';
import { siluGrad, siluKernel } from './silu';

const anyShape = (shape: number[]): Sample => ({ inputs: { x: { shape, value: (_, random) => 20 * random() - 10 } } });
const samples = {
  'one value': anyShape([]),
  'odd sizes': anyShape([3, 7, 5]),
  'fewer than four': anyShape([3]),
  none: anyShape([0, 4]),
};

const gradientSamples = Object.entries(samples).map(([name, { inputs }]) => {
  const dy = { shape: inputs.x?.shape ?? [] };
  return [name, { inputs: { ...inputs, dy } }] as const;
});

export const siluChecks: readonly KernelCheck[] = [
  kernelCheck(siluKernel, samples, 1e-6),
  kernelCheck(siluGrad, Object.fromEntries(gradientSamples), 1e-6),
];
