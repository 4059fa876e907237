import { backend_util, getKernel, type KernelFunc, registerKernel, type TensorInfo, unregisterKernel, util } from '@tensorflow/tfjs-core';
import type { Gpu } from '../gpu';
import { treesOf } from '../math';
import { elementwise, type Program, pointwise } from '../program';
import { groupsOf, sizeOf } from '../specialize';

/** Invocations that share a row. */
const LANES = 256;
/** Values of a row that one workgroup sums, and those of a column that one invocation does. */
const [ROW_PART, COLUMN_PART] = [8192, 64];
/** Columns and rows beyond which there is work enough without parting them. */
const ENOUGH = 65_536;

/** Part by part of every row of x [rows, length], [rows, parts]. */
const rowsProgram: Program = {
  name: 'Sum',
  inputs: { x: 'f32' },
  outputs: { y: 'f32' },
  params: { length: 'u32', parts: 'u32', size: 'u32', over: 'f32' },
  size: LANES,
  declarations: treesOf(LANES),
  main: `
  let row = group / p.parts;
  let begin = group % p.parts * p.size;
  let end = min(begin + p.size, p.length);
  var sum = 0.0;
  for (var k = begin + lane; k < end; k += ${LANES}) { sum += x[row * p.length + k]; }
  sum = sumOfAll(lane, sum);
  if (lane == 0) { y[group] = sum / p.over; }`,
};

/** Part by part of every column of x [outer, length, inner], [parts, outer, inner]. */
const columnsProgram: Program = elementwise({
  name: 'Sum',
  inputs: { x: 'f32' },
  outputs: { y: 'f32' },
  params: { outer: 'u32', length: 'u32', inner: 'u32', size: 'u32', over: 'f32' },
  main: `
  let row = i / p.inner % p.outer;
  let begin = i / (p.inner * p.outer) * p.size;
  let end = min(begin + p.size, p.length);
  var sum = 0.0;
  for (var k = begin; k < end; k++) { sum += x[(row * p.length + k) * p.inner + i % p.inner]; }
  y[i] = sum / p.over;`,
});

export interface Box {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

/** Sums over `length`, in parts where there are few sums of many values; the order, and so the bits, depend on the shape alone. */
export function sumOf(gpu: Gpu, x: TensorInfo, { outer, length, inner }: Box, shape: number[], over = 1): TensorInfo {
  const count = outer * inner;
  const isByRows = inner === 1 && length > 32;
  const size = isByRows ? ROW_PART : count >= ENOUGH ? Math.max(1, length) : COLUMN_PART;
  const parts = Math.max(1, Math.ceil(length / size));
  const isLast = parts === 1;
  const y = gpu.tensor(isLast ? shape : [parts * count]);
  const sizes = { length, size, over: isLast ? over : 1 };
  if (isByRows) gpu.run(rowsProgram, { inputs: { x }, outputs: { y }, params: { ...sizes, parts }, groups: count * parts });
  else {
    const all = parts * count;
    gpu.run(columnsProgram, { inputs: { x }, outputs: { y }, params: { ...sizes, count: all, outer, inner }, groups: groupsOf(all) });
  }
  if (isLast) return y;
  const rest = isByRows ? { outer: count, length: parts, inner: 1 } : { outer: 1, length: parts, inner: count };
  const sum = sumOf(gpu, y, rest, shape, over);
  gpu.free(y);
  return sum;
}

const zerosProgram: Program = pointwise({ name: 'Sum', inputs: {}, outputs: { y: 'f32' }, params: {}, main: '  y[i] = 0;' });

function zeros(gpu: Gpu, shape: number[]): TensorInfo {
  const y = gpu.tensor(shape);
  const count = sizeOf(y);
  if (count > 0) gpu.run(zerosProgram, { inputs: {}, outputs: { y }, params: { count }, groups: groupsOf(count) });
  return y;
}

/** The axes as one, or undefined where others lie between them. */
function boxOf(shape: readonly number[], axes: readonly number[]): Box | undefined {
  const [first, last] = [Math.min(...axes), Math.max(...axes)];
  if (axes.length === 0 || last - first + 1 !== axes.length) return undefined;
  const product = (from: number, to: number) => shape.slice(from, to).reduce((a, b) => a * b, 1);
  return { outer: product(0, first), length: product(first, last + 1), inner: product(last + 1, shape.length) };
}

const stock = new Map<string, KernelFunc>();

/**
 * tfjs's own Sum and Mean give each sum to one workgroup, however many values it has, transpose where the last axis is kept, and Sum asks for a buffer
 * of an endless size where there is nothing to be summed.
 */
export function replaceSums(gpu: Gpu): void {
  for (const kernelName of ['Sum', 'Mean'] as const) {
    const own = stock.get(kernelName) ?? getKernel(kernelName, 'webgpu').kernelFunc;
    stock.set(kernelName, own);
    const kernelFunc: KernelFunc = (call) => {
      const x = call.inputs.x as TensorInfo;
      const { axis, keepDims } = call.attrs as unknown as { axis: number | number[]; keepDims: boolean };
      const axes = util.parseAxisParam(axis, x.shape);
      const box = boxOf(x.shape, axes);
      if (x.dtype !== 'float32' || (sizeOf(x) > 0 && !box)) return own(call);
      const [kept] = backend_util.computeOutAndReduceShapes(x.shape, axes);
      const shape = keepDims ? backend_util.expandShapeToKeepDim(kept, axes) : kept;
      if (sizeOf(x) === 0 || !box) return zeros(gpu, shape);
      return sumOf(gpu, x, box, shape, kernelName === 'Mean' ? box.length : 1);
    };
    unregisterKernel(kernelName, 'webgpu');
    registerKernel({ kernelName, backendName: 'webgpu', kernelFunc });
  }
}
