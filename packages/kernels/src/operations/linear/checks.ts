import { type KernelCheck, kernelCheck } from '../../checks/kernel-check';
import { linear } from './kernel';
import { linearNaive, linearPairNaive } from './naive';
import { linearPair, linearPairGrad } from './pair';

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

const pairOf = (x: number[], out: number, first: number) => ({ ...at(x, out), attrs: { first } });
const pairSamples = {
  'one row': pairOf([1, 67], 33, 4),
  'batch and time': pairOf([2, 3, 9], 17, 6),
  'rows of sixteen': pairOf([5, 16], 12, 4),
  'batch and time, rows of 32': pairOf([2, 3, 32], 7, 2),
};
const pairGradSamples = Object.fromEntries(
  Object.entries(pairSamples).map(([name, { inputs, attrs }]) => {
    const of = (outputs: number) => ({ shape: [...inputs.x.shape.slice(0, -1), outputs] });
    return [name, { inputs: { ...inputs, dy0: of(attrs.first), dy1: of((inputs.w.shape[0] as number) - attrs.first) }, attrs }];
  }),
);

/** Sums of up to 67 products in float32. */
export const linearChecks: readonly KernelCheck[] = [
  kernelCheck(linear, samples, 1e-5, { naive: linearNaive }),
  kernelCheck(linearPair, pairSamples, 1e-5, { naive: linearPairNaive }),
  kernelCheck(linearPairGrad, pairGradSamples, 1e-5),
];
