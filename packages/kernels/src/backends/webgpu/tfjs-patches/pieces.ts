import { backend_util, getKernel, type KernelFunc, registerKernel, type TensorInfo, unregisterKernel, util } from '@tensorflow/tfjs-core';
import type { Gpu } from '../gpu';
import { elementwise, type Program, variants } from '../program';
import { groupsOf, sizeOf } from '../specialize';

/** Of x [outer, whole] the columns from `first` on, [outer, size]; or, the other way, into those columns. */
const program = variants(
  ({ name }: { name: 'SplitV' | 'Concat' }): Program =>
    elementwise({
      name,
      inputs: { x: 'f32' },
      outputs: { y: 'f32' },
      params: { size: 'u32', whole: 'u32', first: 'u32' },
      main: `  let at = i / p.size * p.whole + p.first + i % p.size;\n  ${name === 'SplitV' ? 'y[i] = x[at];' : 'y[at] = x[i];'}`,
    }),
);

/** Values of one place along the axes before `axis`, where `axis` has `size`. */
const rowOf = (shape: readonly number[], axis: number, size: number): number =>
  size * util.sizeFromShape(shape.slice(axis + 1) as number[]);

function split(gpu: Gpu, x: TensorInfo, sizes: readonly number[], axis: number): TensorInfo[] {
  const whole = rowOf(x.shape, axis, x.shape[axis] as number);
  let first = 0;
  return sizes.map((part) => {
    const y = gpu.tensor(x.shape.map((size, i) => (i === axis ? part : size)));
    const size = rowOf(x.shape, axis, part);
    const count = sizeOf(y);
    if (count > 0)
      gpu.run(program({ name: 'SplitV' }), {
        inputs: { x },
        outputs: { y },
        params: { count, size, whole, first },
        groups: groupsOf(count),
      });
    first += size;
    return y;
  });
}

function concat(gpu: Gpu, parts: readonly TensorInfo[], axis: number): TensorInfo {
  const shapes = parts.map(({ shape }) => shape);
  backend_util.assertParamsConsistent(shapes, axis);
  const y = gpu.tensor(backend_util.computeOutShape(shapes, axis));
  const whole = rowOf(y.shape, axis, y.shape[axis] as number);
  let first = 0;
  for (const x of parts) {
    const size = rowOf(x.shape, axis, x.shape[axis] as number);
    const count = sizeOf(x);
    if (count > 0)
      gpu.run(program({ name: 'Concat' }), {
        inputs: { x },
        outputs: { y },
        params: { count, size, whole, first },
        groups: groupsOf(count),
      });
    first += size;
  }
  return y;
}

const stock = new Map<string, KernelFunc>();

function replace(kernelName: string, ours: (call: Parameters<KernelFunc>[0]) => TensorInfo | TensorInfo[] | undefined): void {
  const own = stock.get(kernelName) ?? getKernel(kernelName, 'webgpu').kernelFunc;
  stock.set(kernelName, own);
  unregisterKernel(kernelName, 'webgpu');
  registerKernel({ kernelName, backendName: 'webgpu', kernelFunc: (call) => ours(call) ?? own(call) });
}

/** tfjs's own cost the host several times as much: see {@link replaceBinary}. */
export function replacePieces(gpu: Gpu): void {
  replace('SplitV', ({ inputs, attrs }) => {
    const x = inputs.x as TensorInfo;
    const { numOrSizeSplits, axis } = attrs as unknown as { numOrSizeSplits: number | number[]; axis: number };
    const [along] = util.parseAxisParam(axis, x.shape) as [number];
    if (x.dtype !== 'float32') return undefined;
    return split(gpu, x, backend_util.prepareSplitSize(x as never, numOrSizeSplits, along), along);
  });
  replace('Concat', ({ inputs, attrs }) => {
    const parts = inputs as unknown as TensorInfo[];
    const [axis] = util.parseAxisParam((attrs as unknown as { axis: number }).axis, (parts[0] as TensorInfo).shape) as [number];
    return parts.every(({ dtype }) => dtype === 'float32') ? concat(gpu, parts, axis) : undefined;
  });
}
