import { elementwise, type Program, variants } from '../../../backends/webgpu/program';
import { type GpuKernel, groupsOf, sizeOf } from '../../../backends/webgpu/specialize';
import type { RotatePairsAttrs, RotatePairsInputs } from '../kernel';

const program = variants(
  ({ back }: RotatePairsAttrs): Program =>
    elementwise({
      name: 'SsmRotatePairs',
      inputs: { x: 'f32', cos: 'f32', sin: 'f32' },
      outputs: { y: 'f32' },
      params: { length: 'u32', heads: 'u32', keys: 'u32' },
      main: `
  let angle = i / (p.heads * p.keys) % p.length * p.keys + i % p.keys;
  y[i] = x[i] * cos[angle] ${back ? '-' : '+'} x[i ^ 1] * sin[angle];`,
    }),
);

export const rotatePairsOnGpu: GpuKernel<RotatePairsInputs, RotatePairsAttrs> = {
  supports: (gpu, { x }) => sizeOf(x) <= gpu.mostValues || 'x has more values than the device binds at a time',
  run: (gpu, inputs, attrs) => {
    const { shape } = inputs.x;
    const [, length, heads, keys] = shape;
    const y = gpu.tensor(shape);
    const count = sizeOf(y);
    gpu.run(program(attrs), { inputs: { ...inputs }, outputs: { y }, params: { count, length, heads, keys }, groups: groupsOf(count) });
    return y;
  },
};
