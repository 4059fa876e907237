import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Gpu } from '../../../backends/webgpu/gpu';
import { treesOf } from '../../../backends/webgpu/math';
import { type Program, variants } from '../../../backends/webgpu/program';
import { type GpuKernel, groupsOf, sizeOf } from '../../../backends/webgpu/specialize';

const LANES = 256;
/** Workgroups of the first pass: the second is one, and sums what each has found. */
const MOST_GROUPS = 1024;

/** Every invocation sums every `stride`-th number, a workgroup what its invocations have. */
const program = variants(
  ({ squares }: { squares: boolean }): Program => ({
    name: 'SsmSquareSum',
    inputs: { x: 'f32' },
    outputs: { y: 'f32' },
    params: { count: 'u32' },
    size: LANES,
    declarations: treesOf(LANES),
    main: `
  var sum = 0.0;
  for (var i = group * ${LANES} + lane; i < p.count; i += p.groups * ${LANES}) { sum += ${squares ? 'x[i] * x[i]' : 'x[i]'}; }
  sum = sumOfAll(lane, sum);
  if (lane == 0) { y[group] = sum; }`,
  }),
);

/** For a tensor larger than the binding limit, part by part: the sums of the workgroups of each part, one part after the other. */
function inParts(gpu: Gpu, x: TensorInfo, count: number): TensorInfo {
  const most = gpu.mostValues;
  const sums = gpu.tensor([MOST_GROUPS * Math.ceil(count / most)]);
  for (let [first, at] = [0, 0]; first < count; first += most, at += MOST_GROUPS) {
    const size = Math.min(most, count - first);
    const inputs = { x: { tensor: x, first, count: size } };
    const y = { tensor: sums, first: at, count: MOST_GROUPS };
    gpu.run(program({ squares: true }), { inputs, outputs: { y }, params: { count: size }, groups: MOST_GROUPS });
  }
  const y = gpu.tensor([]);
  gpu.run(program({ squares: false }), { inputs: { x: sums }, outputs: { y }, params: { count: sizeOf(sums) }, groups: 1 });
  gpu.free(sums);
  return y;
}

export const squareSumOnGpu: GpuKernel<{ x: TensorInfo }, object> = {
  run: (gpu, { x }) => {
    const count = sizeOf(x);
    if (count > gpu.mostValues) return inParts(gpu, x, count);
    const groups = Math.min(MOST_GROUPS, groupsOf(count, 4 * LANES));
    const y = gpu.tensor([]);
    if (groups === 1) {
      gpu.run(program({ squares: true }), { inputs: { x }, outputs: { y }, params: { count }, groups });
      return y;
    }
    const parts = gpu.tensor([groups]);
    gpu.run(program({ squares: true }), { inputs: { x }, outputs: { y: parts }, params: { count }, groups });
    gpu.run(program({ squares: false }), { inputs: { x: parts }, outputs: { y }, params: { count: groups }, groups: 1 });
    gpu.free(parts);
    return y;
  },
};
