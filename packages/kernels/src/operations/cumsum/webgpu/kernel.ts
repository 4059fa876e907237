import { type KernelFunc, registerKernel, type TensorInfo, unregisterKernel } from '@tensorflow/tfjs-core';
import type { Gpu } from '../../../backends/webgpu/gpu';
import { inParts } from '../../../backends/webgpu/in-parts';
import { type Program, variants } from '../../../backends/webgpu/program';
import { type GpuKernel, sizeOf } from '../../../backends/webgpu/specialize';
import type { CumsumAttrs } from '../kernel';

/** Invocations that share one line. */
const LANES = 64;

/**
 * One workgroup a line along the axis: every invocation sums a run of it, then runs through it again from the sum of the runs before. Reads twice,
 * writes once. Rounding depends on the length alone.
 */
const program = variants(
  ({ type, exclusive, reverse }: { type: 'f32' | 'i32'; exclusive: boolean; reverse: boolean }): Program => ({
    name: 'SsmCumsum',
    inputs: { x: type },
    outputs: { y: type },
    params: { count: 'u32', inner: 'u32' },
    size: LANES,
    declarations: `
var<workgroup> sums: array<${type}, ${LANES}>;
fn place(line: u32, i: u32) -> u32 {
  let along = ${reverse ? 'p.count - 1 - i' : 'i'};
  return (line / p.inner * p.count + along) * p.inner + line % p.inner;
}`,
    main: `
  let run = (p.count + ${LANES - 1}) / ${LANES};
  let begin = min(lane * run, p.count);
  let end = min(begin + run, p.count);
  var sum = ${type}(0);
  for (var i = begin; i < end; i++) { sum += x[place(group, i)]; }
  sums[lane] = sum;
  workgroupBarrier();
  sum = ${type}(0);
  for (var i = 0u; i < lane; i++) { sum += sums[i]; }
  for (var i = begin; i < end; i++) {
    let at = place(group, i);
    let value = x[at];
    ${exclusive ? 'y[at] = sum; sum += value;' : 'sum += value; y[at] = sum;'}
  }`,
  }),
);

/** Of x as [outer, count, inner], along the middle axis; part by part of one of the others where x is more than the device binds at a time. */
const middle = (along: 'outer' | 'inner'): GpuKernel<{ x: TensorInfo }, CumsumAttrs> =>
  inParts(
    {
      run: (gpu, { x }, { exclusive, reverse }) => {
        const [, count, inner] = x.shape as [number, number, number];
        const y = gpu.tensor(x.shape, x.dtype);
        const type = x.dtype === 'float32' ? 'f32' : 'i32';
        gpu.run(program({ type, exclusive, reverse }), {
          inputs: { x },
          outputs: { y },
          params: { count, inner },
          groups: sizeOf(x) / count,
        });
        return y;
      },
    },
    {
      inputs: () => ({ x: along === 'outer' ? 0 : 2 }),
      outputs: () => [along === 'outer' ? 0 : 2],
      length: ({ x }) => x.shape[along === 'outer' ? 0 : 2] as number,
      valuesOfOne: ({ x }) => sizeOf(x) / (x.shape[along === 'outer' ? 0 : 2] as number),
    },
  );
const [byOuter, byInner] = [middle('outer'), middle('inner')];

function cumsum(gpu: Gpu, x: TensorInfo, attrs: CumsumAttrs): TensorInfo {
  const { dataId, dtype, shape } = x;
  const along = attrs.axis < 0 ? attrs.axis + shape.length : attrs.axis;
  const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);
  const [outer, count, inner] = [product(shape.slice(0, along)), shape[along] as number, product(shape.slice(along + 1))];
  const lines = { x: { dataId, dtype, shape: [outer, count, inner] } };
  const y = (outer > 1 ? byOuter : byInner).run(gpu, lines, attrs) as TensorInfo;
  return { ...y, shape };
}

export const cumsumOnGpu: GpuKernel<{ x: TensorInfo }, CumsumAttrs> = { run: (gpu, { x }, attrs) => cumsum(gpu, x, attrs) };

/** tfjs's own is wrong from the end: `reverse` from two values on, or three. */
export function replaceCumsum(gpu: Gpu): void {
  const kernelFunc: KernelFunc = ({ inputs, attrs }) => {
    const x = inputs.x as TensorInfo;
    return sizeOf(x) === 0 ? gpu.tensor(x.shape, x.dtype) : cumsum(gpu, x, attrs as unknown as CumsumAttrs);
  };
  unregisterKernel('Cumsum', 'webgpu');
  registerKernel({ kernelName: 'Cumsum', backendName: 'webgpu', kernelFunc });
}
