import { defineKernel, isPacked, type Kernel, type OutputRange, type PackedMatrix } from '@densessm/ssm-core';
import { add, reshape, slice, split, sum, type Tensor, type Tensor1D, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { matMul } from '../matmul/kernel';
import { linearPair } from './pair';

export interface LinearInputs<X extends Tensor = Tensor> {
  /** [..., in] */
  x: X;
  /** [out, in], the layout on disk. Packed, it has no gradient. */
  w: Tensor2D | PackedMatrix;
  /** [out] */
  bias?: Tensor1D;
}

/** A tensor [..., size] as rows [M, size]. */
const rows = (x: Tensor): Tensor2D => reshape(x, [-1, x.shape.at(-1) as number]);

type DenseInputs = LinearInputs & { w: Tensor2D };

/** The output has the rank of x. */
interface LinearKernel extends Kernel<DenseInputs, Tensor> {
  <X extends Tensor>(inputs: LinearInputs<X>): X;
}

const denseLinear: Kernel<DenseInputs, Tensor> = /* @__PURE__ */ defineKernel<DenseInputs, Tensor>({
  name: 'SsmLinear',
  inputs: { x: ['...', 'in'], w: ['out', 'in'], bias: { dims: ['out'], optional: true } },
  fix: 'weights are [out, in] as on disk; the last axis of x is in',
  attrs: {},
  reference: ({ x, w, bias }) =>
    tidy(() => {
      const product = matMul({ a: rows(x), b: w }, { transposeB: true });
      return reshape(bias ? add(product, bias) : product, [...x.shape.slice(0, -1), w.shape[0]]);
    }),
  // y = x wᵀ + bias on rows: dx = dy w, dw = dyᵀ x, dbias = Σ_rows dy
  backward: (dy, { x, w }) => ({
    x: () => reshape(matMul({ a: rows(dy), b: w }), x.shape),
    w: () => matMul({ a: rows(dy), b: rows(x) }, { transposeA: true }),
    bias: () => sum(rows(dy), 0),
  }),
});

const withPacked = (kernel: Kernel<DenseInputs, Tensor>): LinearKernel =>
  Object.assign(<X extends Tensor>({ x, w, bias }: LinearInputs<X>) => (isPacked(w) ? w.linear(x, bias) : kernel({ x, w, bias })) as X, {
    definition: kernel.definition,
  });

/**
 * y = x wᵀ + bias along the last axis. x [..., in], w [out, in], bias [out] → [..., out].
 * Flattens x to rows first: tfjs cannot differentiate a broadcast matMul.
 * @throws SsmError SHAPE or DTYPE
 */
export const linear: LinearKernel = /* @__PURE__ */ withPacked(denseLinear);

/**
 * {@link linear}, each of some ranges of outputs apart: [..., in] → [..., size] each. With packed weights nothing is copied, nor computed that is not asked
 * for, where all ranges begin at multiples of the matrix's `outputAlignment`.
 * @throws SsmError as {@link linear}
 */
export function linearParts<X extends Tensor>({ x, w, bias }: LinearInputs<X>, parts: readonly OutputRange[]): X[] {
  if (isPacked(w) && parts.every(([first]) => first % w.outputAlignment === 0)) return w.linearParts(x, parts, bias) as X[];
  const [one, other, more] = parts;
  const isPair = one && other && !more && one[0] === 0 && other[0] === one[1] && other[0] + other[1] === w.shape[0];
  if (isPair && !isPacked(w) && !bias) return linearPair({ x, w }, { first: one[1] }) as X[];
  const y = linear({ x, w, bias });
  const end = parts.reduce((sum, [first, size]) => (first === sum ? sum + size : Number.NaN), 0);
  if (end === w.shape[0])
    return split(
      y,
      parts.map(([, size]) => size),
      -1,
    ); // its gradient is cheaper
  return parts.map(([first, size]) => slice(y, [...y.shape.slice(1).map(() => 0), first], [...y.shape.slice(0, -1), size]) as X);
}
