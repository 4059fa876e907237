import { type KernelCheck, kernelCheck } from '../../checks/kernel-check';
import { matMul } from './kernel';
import { matMulNaive } from './naive';
import { withPrecision } from './precision';

const at = (a: number[], b: number[], transposeA = false, transposeB = false) => ({
  inputs: { a: { shape: a }, b: { shape: b } },
  attrs: { transposeA, transposeB },
});

const samples = {
  'one value': at([1, 1], [1, 1]),
  'odd sizes': at([7, 13], [13, 5]),
  'a transposed': at([13, 7], [13, 5], true),
  'b transposed': at([7, 13], [5, 13], false, true),
  'both transposed': at([13, 7], [5, 13], true, true),
  'one row': at([1, 67], [67, 129]),
  batched: at([3, 7, 13], [3, 13, 5]),
  'two batch axes, b transposed': at([2, 3, 9, 17], [2, 3, 33, 17], false, true),
  'wider than a block': at([65, 130], [130, 67]),
  'wider than a block, a transposed': at([130, 65], [130, 67], true),
  'many products, wider than a block': at([33, 129, 9], [33, 9, 132]),
  'a long inner size': at([5, 1100], [1100, 7]),
  'a long inner size, b transposed': at([3, 1024], [6, 1024], false, true),
  'edges of the largest tiles': at([260, 40], [40, 132]),
  'edges of the largest tiles, both transposed': at([40, 260], [132, 40], true, true),
};

/** Tiles of 128 inside and at the edges, for products of halves. */
const halfSamples = {
  ...samples,
  'whole tiles': at([256, 128], [128, 128]),
  'whole tiles, a transposed': at([64, 128], [64, 256], true),
  'whole tiles, b transposed': at([128, 192], [256, 192], false, true),
  'edges of tiles': at([140, 72], [72, 132]),
  'edges of tiles, b transposed': at([129, 70], [131, 70], false, true),
};

/** With factors rounded to float16, 2⁻¹¹ each, where the device has it; its gradient is taken outside, in float32. */
const half = kernelCheck(matMul, halfSamples, 2.5e-3, { gradientTolerance: 1e-5 });
const run: KernelCheck['run'] = (inputs, attrs) => withPrecision('f16', () => half.run(inputs, attrs));

export const matMulChecks: readonly KernelCheck[] = [
  kernelCheck(matMul, samples, 1e-5, { naive: matMulNaive }),
  { ...half, name: 'SsmMatMulF16', run },
];
