import { concat, exp, mean, slice, split, sum } from '@tensorflow/tfjs-core';
import { type KernelCheck, operationCheck } from './kernel-check';

const shapes = { 'odd sizes': [3, 7, 5], 'fewer than four': [2, 1, 1] };

/** Operations of tfjs that a backend may have from us: see registerWasmKernels. */
export const stockChecks: readonly KernelCheck[] = [
  operationCheck('Exp', exp, shapes, 1e-6),
  operationCheck('Sum', (x) => sum(x, 1), shapes, 1e-6),
  operationCheck('Mean', (x) => mean(x, -1), shapes, 1e-6),
  operationCheck('Slice', (x) => slice(x, [1, 0, 0], [1, -1, 1]), shapes, 0),
  operationCheck('SplitV', (x) => split(x, [1, -1], 0), shapes, 0),
  operationCheck('Concat', (x) => concat([x, x], 1), shapes, 1e-6), // its gradient adds
];
