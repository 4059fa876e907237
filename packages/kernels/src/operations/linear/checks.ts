import { type KernelCheck, kernelCheck } from '../../checks/kernel-check';
import { linear } from './kernel';
import { linearNaive } from './naive';

const at = (x: number[], out: number, bias = false) => ({
  inputs: { x: { shape: x }, w: { shape: [out, x.at(-1) as number] }, ...(bias ? { bias: { shape: [out] } } : {}) },
});

const samples = {
  'one vector': at([5], 3),
  'one row': at([1, 67], 33, true),
  'rows with bias': at([7, 13], 5, true),
  'batch and time': at([2, 3, 9], 17),
  'batch, time and heads, with bias': at([2, 3, 2, 9], 4, true),
  'one output': at([3, 5], 1),
};

/** Sums of up to 67 products in float32. */
export const linearChecks: readonly KernelCheck[] = [kernelCheck(linear, samples, 1e-5, { naive: linearNaive })];
