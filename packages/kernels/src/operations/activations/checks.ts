import { type KernelCheck, kernelCheck, type Sample } from '../../checks/kernel-check';
import { siluGateNaive, siluNaive, softplusNaive } from './naive';
import { siluGrad, siluKernel } from './silu';
import { siluGate, siluGateGrad } from './silu-gate';
import { softplusGrad, softplusKernel } from './softplus';

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

const gateSamples = (names: readonly string[]) =>
  Object.fromEntries(
    Object.entries(samples).map(([about, { inputs }]) => {
      const others = names.map((name) => [name, { shape: inputs.x?.shape ?? [] }]);
      return [about, { inputs: { gate: inputs.x, ...Object.fromEntries(others) } }];
    }),
  ) as Record<string, Sample>;

export const activationChecks: readonly KernelCheck[] = [
  kernelCheck(siluKernel, samples, 1e-6, { naive: siluNaive }),
  kernelCheck(siluGrad, Object.fromEntries(gradientSamples), 1e-6),
  kernelCheck(softplusKernel, samples, 1e-6, { naive: softplusNaive }),
  kernelCheck(softplusGrad, Object.fromEntries(gradientSamples), 1e-6),
  kernelCheck(siluGate, { ...gateSamples(['x', 'addend']), 'nothing added': gateSamples(['x'])['odd sizes'] as Sample }, 1e-6, {
    naive: siluGateNaive,
  }),
  kernelCheck(siluGateGrad, gateSamples(['x', 'dy']), 1e-6),
];
