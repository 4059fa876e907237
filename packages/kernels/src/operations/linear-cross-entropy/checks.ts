import { type KernelCheck, kernelCheck, type Sample } from '../../checks/kernel-check';
import { crossEntropy } from '../cross-entropy/kernel';
import { linear } from '../linear/kernel';
import type { LinearCrossEntropyInputs } from './inputs';
import { type LinearCrossEntropyKernelAttrs, linearCrossEntropy, linearCrossEntropyKernel } from './kernel';
import { linearCrossEntropyNaive } from './naive';

/** Every `skip`-th row is ignored; 0 for none. */
const of = ([M, D, V]: [number, number, number], skip: number, logitValues?: number) => ({
  inputs: {
    x: { shape: [M, D] },
    w: { shape: [V, D] },
    targets: {
      shape: [M],
      dtype: 'int32' as const,
      value: (i: number, random: () => number) => (skip && i % skip === 0 ? -100 : Math.floor(random() * V)),
    },
  },
  attrs: logitValues === undefined ? {} : { logitValues },
});

const samples: Record<string, Sample<LinearCrossEntropyKernelAttrs>> = {
  'one row': of([1, 4, 5], 0),
  'rows at once': of([7, 6, 13], 0),
  'chunks, the last of them short, some rows ignored': of([11, 9, 37], 3, 120),
  'a row at a time': of([5, 3, 11], 2, 1),
  'a chunk of ignored rows': of([3, 5, 8], 1, 16),
  'few classes': of([9, 5, 3], 4, 10),
  'one class': of([3, 5, 1], 0),
  'one value for each row': of([13, 1, 17], 5, 60),
};

const withGradients = Object.fromEntries(
  Object.entries(samples).map(([name, { inputs, attrs }]) => [`${name}, with gradients`, { inputs, attrs: { ...attrs, gradients: true } }]),
);

/** The kernel beside its reference, and inside of a loss beside what it is fused of. */
export const linearCrossEntropyChecks: readonly KernelCheck[] = [
  kernelCheck(linearCrossEntropyKernel, { ...samples, ...withGradients }, 2e-5, { naive: linearCrossEntropyNaive }),
  {
    name: 'linearCrossEntropy',
    samples,
    run: (inputs, attrs) => [linearCrossEntropy(inputs as unknown as LinearCrossEntropyInputs, attrs)],
    reference: (inputs) => {
      const { x, w, targets } = inputs as unknown as LinearCrossEntropyInputs;
      return [crossEntropy({ logits: linear({ x, w }), targets })];
    },
    hasGradient: true,
    tolerance: 2e-5,
    gradientTolerance: 2e-5,
  },
];
