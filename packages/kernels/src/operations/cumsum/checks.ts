import { type KernelCheck, kernelCheck } from '../../checks/kernel-check';
import { cumsum } from './kernel';
import { cumsumNaive } from './naive';

const x = { shape: [2, 3, 5] };
const samples = {
  'last axis': { inputs: { x } },
  'first axis': { inputs: { x }, attrs: { axis: 0 } },
  'middle axis, exclusive': { inputs: { x }, attrs: { axis: 1, exclusive: true } },
  'middle axis, from the end': { inputs: { x }, attrs: { axis: -2, reverse: true } },
  'equal sizes, exclusive from the end': { inputs: { x: { shape: [4, 4] } }, attrs: { axis: 0, exclusive: true, reverse: true } },
};

export const cumsumChecks: readonly KernelCheck[] = [kernelCheck(cumsum, samples, 1e-6, { naive: cumsumNaive })];
