import { type KernelCheck, kernelCheck, type Sample } from '../../checks/kernel-check';
import { crossEntropyGrad } from './gradient';
import type { CrossEntropyAttrs } from './inputs';
import { crossEntropy } from './kernel';
import { crossEntropyNaive } from './naive';

const IGNORED = -100;
/** Every `skip`-th row is ignored; 0 for none. */
const of = (height: number, width: number, skip: number, attrs = {}, scale = 1) => ({
  inputs: {
    logits: { shape: [height, width], value: (_: number, random: () => number) => scale * (2 * random() - 1) },
    targets: {
      shape: [height],
      dtype: 'int32' as const,
      value: (i: number, random: () => number) => (skip && i % skip === 0 ? IGNORED : Math.floor(random() * width)),
    },
  },
  attrs,
});

const samples: Record<string, Sample<CrossEntropyAttrs>> = {
  'one row': of(1, 5, 0),
  'odd sizes': of(7, 13, 0),
  'wide, some rows ignored': of(5, 257, 2),
  'each row': of(6, 11, 0, { reduction: 'none' }),
  'each row, some ignored': of(6, 11, 3, { reduction: 'none' }),
  'every row ignored': of(3, 5, 1),
  'large logits': of(5, 17, 2, {}, 60),
  'one class': of(3, 1, 0),
};

const gradientSamples = Object.entries(samples).map(([name, { inputs, attrs }]) => {
  const dy = { shape: attrs?.reduction === 'none' ? (inputs.targets?.shape ?? []) : [] };
  return [name, { inputs: { ...inputs, dy }, attrs }] as const;
});

/** exp and log in float32 on wasm; losses of a few units, logits up to 60. */
export const crossEntropyChecks: readonly KernelCheck[] = [
  kernelCheck(crossEntropy, samples, 2e-5, { naive: crossEntropyNaive }),
  kernelCheck(crossEntropyGrad, Object.fromEntries(gradientSamples), 2e-5),
];
