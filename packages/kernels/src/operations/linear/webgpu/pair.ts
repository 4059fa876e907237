import type { TensorInfo } from '@tensorflow/tfjs-core';
import { RANGE_STEP } from '../../../backends/webgpu/gpu';
import { type GpuKernel, sizeOf } from '../../../backends/webgpu/specialize';
import { BOTH_FIXED as fixed, type MatrixRange, matMulInto } from '../../matmul/webgpu/kernel';
import type { LinearPairAttrs, LinearPairGradInputs, LinearPairInputs } from '../pair';

const rows = ({ dataId, dtype, shape }: TensorInfo): TensorInfo => {
  const width = shape.at(-1) as number;
  return { dataId, dtype, shape: [sizeOf({ dataId, dtype, shape }) / width, width] };
};

/** The rows of the first outputs, and those of the others. */
function partsOf(w: TensorInfo, first: number): [MatrixRange, MatrixRange] {
  const [out, width] = w.shape as [number, number];
  const part = (from: number, count: number): MatrixRange => ({
    tensor: w,
    first: from * width,
    count: count * width,
    shape: [count, width],
  });
  return [part(0, first), part(first, out - first)];
}

const supports = (_: unknown, { w }: LinearPairInputs, { first }: LinearPairAttrs): true | string =>
  (first * w.shape[1]) % RANGE_STEP === 0 || 'the weights of the second part begin at no multiple of 64';

const [PLAIN, OF_A, OF_B] = [
  { transposeA: false, transposeB: false },
  { transposeA: true, transposeB: false },
  { transposeA: false, transposeB: true },
];

export const linearPairOnGpu: GpuKernel<LinearPairInputs, LinearPairAttrs> = {
  supports,
  run: (gpu, { x, w }, { first }) =>
    partsOf(w, first).map((part) => {
      const y = gpu.tensor([...x.shape.slice(0, -1), part.shape[0] as number]);
      matMulInto(gpu, rows(x), part, OF_B, { c: y, accumulate: false, fixed });
      return y;
    }),
};

export const linearPairGradOnGpu: GpuKernel<LinearPairGradInputs, LinearPairAttrs> = {
  supports,
  run: (gpu, { x, w, dy0, dy1 }, { first }) => {
    const [dx, dw] = [gpu.tensor(x.shape), gpu.tensor(w.shape)];
    const [ofW, ofDw] = [partsOf(w, first), partsOf(dw, first)];
    for (const [i, dy] of [dy0, dy1].entries()) {
      matMulInto(gpu, rows(dy), ofW[i] as MatrixRange, PLAIN, { c: dx, accumulate: i > 0, fixed });
      matMulInto(gpu, rows(dy), rows(x), OF_A, { c: ofDw[i] as MatrixRange, accumulate: false, fixed });
    }
    return [dx, dw];
  },
};
