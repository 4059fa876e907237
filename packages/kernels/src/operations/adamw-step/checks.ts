import { type KernelCheck, kernelCheck } from '../../checks/kernel-check';
import { type AdamwStepAttrs, adamwStep } from './kernel';
import { adamwStepNaive } from './naive';

const of = (shape: number[], attrs: Partial<AdamwStepAttrs> = {}) => ({
  inputs: {
    param: { shape },
    grad: { shape },
    mean: { shape },
    // an average of squares: positive, and small where gradients are
    square: { shape, value: (_: number, random: () => number) => 1e-3 + random() },
  },
  attrs,
});

/** With a loss and a norm of all gradients, which clip the step or leave it out. */
const measured = (shape: number[], loss: number, norm: number, attrs: Partial<AdamwStepAttrs> = {}) => {
  const { inputs } = of(shape);
  return { inputs: { ...inputs, measured: { shape: [2], value: (i: number) => (i === 0 ? loss : norm) } }, attrs };
};

const samples = {
  'one value': of([1], { step: 3 }),
  'odd sizes': of([7, 13], { step: 2, weightDecay: 0.1, learningRate: 0.01 }),
  'clipped, late': of([3, 1, 5], { step: 1000, gradientScale: 0.25, beta2: 0.98 }),
  'a number': of([], { step: 1 }),
  'longer than a block': of([1031], { step: 7, eps: 1e-6 }),
  'clipped by a measured norm': measured([5, 7], 2.5, 4, { step: 3, largestNorm: 1, gradientScale: 0.5 }),
  'a measured norm that is small enough': measured([67], 2.5, 0.7, { step: 3, largestNorm: 1 }),
  'a loss that is no number': measured([11], Number.NaN, 1, { step: 3, largestNorm: 1, weightDecay: 0.1 }),
  'a norm that is not finite': measured([3, 5], 1, Number.POSITIVE_INFINITY, { step: 3, weightDecay: 0.1 }),
};

/** A few roundings of float32 in a chain of ten operations. */
export const adamwStepChecks: readonly KernelCheck[] = [kernelCheck(adamwStep, samples, 2e-6, { naive: adamwStepNaive })];
