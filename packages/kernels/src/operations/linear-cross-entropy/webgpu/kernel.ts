import type { TensorInfo } from '@tensorflow/tfjs-core';
import { type Gpu, RANGE_STEP } from '../../../backends/webgpu/gpu';
import { type Program, pointwise } from '../../../backends/webgpu/program';
import { type GpuKernel, groupsOf, sizeOf } from '../../../backends/webgpu/specialize';
import { lossesOfRows, meanOfLosses, shareOf } from '../../cross-entropy/webgpu/kernel';
import { BOTH_FIXED, matMulInto, matMulOf } from '../../matmul/webgpu/kernel';
import { type LinearCrossEntropyInputs, rowsOfChunk } from '../inputs';
import type { LinearCrossEntropyKernelAttrs } from '../kernel';

const scaleProgram: Program = pointwise({
  name: 'SsmLinearCrossEntropy',
  inputs: { share: 'f32' },
  outputs: { x: 'f32' },
  params: {},
  main: '  x[i] *= share[0];',
});

/**
 * Chunk by chunk of rows, whose logits become their gradients in place. Those are of the sum of all losses, from −1 to 1, which float16 holds, and what
 * is made of them is divided by the number of rows that count at the end.
 */
export const linearCrossEntropyOnGpu: GpuKernel<LinearCrossEntropyInputs, LinearCrossEntropyKernelAttrs> = {
  run: (gpu, inputs, attrs) => {
    const { x, w, targets } = inputs;
    const { gradients, ignoreIndex } = attrs;
    const [rows, width] = x.shape;
    const most = Math.min(rowsOfChunk(inputs, attrs), gpu.mostValues / w.shape[0]);
    const size = Math.max(RANGE_STEP, RANGE_STEP * Math.floor(most / RANGE_STEP));
    const losses = gpu.tensor([rows]);
    const [dx, dw] = gradients ? [gpu.tensor(x.shape), gpu.tensor(w.shape)] : [];
    for (let first = 0; first < rows; first += size) {
      const count = Math.min(size, rows - first);
      const part = { tensor: x, first: first * width, count: count * width, shape: [count, width] };
      const logits = matMulOf(gpu, part, w, { transposeA: false, transposeB: true }, BOTH_FIXED);
      const ofRows = (tensor: TensorInfo) => ({ tensor, first, count });
      lossesOfRows(gpu, logits, ofRows(targets), ofRows(losses), { ignoreIndex, gradient: gradients });
      if (dx && dw) {
        matMulInto(gpu, logits, w, NOT_TRANSPOSED, { c: { ...part, tensor: dx }, accumulate: false, fixed: SECOND_FIXED });
        matMulInto(gpu, logits, part, { transposeA: true, transposeB: false }, { c: dw, accumulate: first > 0, fixed: SECOND_FIXED });
      }
      gpu.free(logits);
    }
    const mean = meanOfLosses(gpu, losses, targets, ignoreIndex);
    gpu.free(losses);
    if (!dx || !dw) return [mean];
    divideByRows(gpu, [dx, dw], targets, ignoreIndex);
    return [mean, dx, dw];
  },
};

/** Logits become gradients. */
const SECOND_FIXED = { a: false, b: true };
const NOT_TRANSPOSED = { transposeA: false, transposeB: false };

function divideByRows(gpu: Gpu, gradients: readonly TensorInfo[], targets: TensorInfo, ignoreIndex: number): void {
  const share = shareOf(gpu, targets, targets.shape[0] as number, ignoreIndex);
  for (const x of gradients) {
    const count = sizeOf(x);
    gpu.run(scaleProgram, { inputs: { share }, outputs: { x }, params: { count }, groups: groupsOf(count) });
  }
  gpu.free(share);
}
