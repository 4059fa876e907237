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

const samples = {
  'one value': of([1], { step: 3 }),
  'odd sizes': of([7, 13], { step: 2, weightDecay: 0.1, learningRate: 0.01 }),
  'clipped, late': of([3, 1, 5], { step: 1000, gradientScale: 0.25, beta2: 0.98 }),
  'a number': of([], { step: 1 }),
  'longer than a block': of([1031], { step: 7, eps: 1e-6 }),
};

/** A few roundings of float32 in a chain of ten operations. */
export const adamwStepChecks: readonly KernelCheck[] = [kernelCheck(adamwStep, samples, 2e-6, { naive: adamwStepNaive })];
