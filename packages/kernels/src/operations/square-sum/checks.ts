import { type KernelCheck, kernelCheck } from '../../checks/kernel-check';
import { squareSum } from './kernel';
import { squareSumNaive } from './naive';

const samples = {
  'a number': { inputs: { x: { shape: [] } } },
  'odd sizes': { inputs: { x: { shape: [7, 13] } } },
  long: { inputs: { x: { shape: [1031] } } },
};

/** A sum of a thousand float32 squares. */
export const squareSumChecks: readonly KernelCheck[] = [kernelCheck(squareSum, samples, 1e-6, { naive: squareSumNaive })];
