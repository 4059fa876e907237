import { type DataType, engine, type Tensor, type TensorInfo } from '@tensorflow/tfjs-core';
import type { Gpu } from './gpu';
import { type Program, pointwise } from './program';
import { type GpuKernel, groupsOf, sizeOf } from './specialize';

/** How a kernel is computed a part of the batch, or of the rows, at a time. */
export interface Parting<I, A> {
  /** Where the inputs have the axis that is parted; those that are not named are whole in every part. */
  readonly inputs: (inputs: I) => Readonly<Record<string, number>>;
  /** For each output the axis that its parts are joined along, or that they are summed. */
  readonly outputs: (inputs: I, attrs: A) => readonly (number | 'summed')[];
  /** How many places the axis has. */
  readonly length: (inputs: I) => number;
  /** The most values that a program of the kernel binds at a time, for each place of the axis. */
  readonly valuesOfOne: (inputs: I, attrs: A) => number;
  /** What a part is computed with; as the whole, unless given. */
  readonly attrsOfPart?: (attrs: A) => A;
}

/**
 * The kernel as it is where all of its tensors are within the binding limit of the device; else part by part along one axis, whose inputs are copied out and whose outputs are
 * copied into place, which no limit forbids.
 */
export function inParts<I extends object, A>(kernel: GpuKernel<I, A>, parting: Parting<I, A>): GpuKernel<I, A> {
  return {
    ...kernel,
    run: (gpu, inputs, attrs) => {
      const length = parting.length(inputs);
      const some = Math.max(1, Math.floor(gpu.mostValues / parting.valuesOfOne(inputs, attrs)));
      return some >= length ? kernel.run(gpu, inputs, attrs) : runParts(gpu, kernel, parting, { inputs, attrs, length, some });
    },
  };
}

interface Call<I, A> {
  readonly inputs: I;
  readonly attrs: A;
  readonly length: number;
  /** Places of a part. */
  readonly some: number;
}

function runParts<I extends object, A>(
  gpu: Gpu,
  kernel: GpuKernel<I, A>,
  parting: Parting<I, A>,
  { inputs, attrs, length, some }: Call<I, A>,
) {
  const axes = parting.inputs(inputs);
  const ways = parting.outputs(inputs, attrs);
  let whole: TensorInfo[] = [];
  let isSingle = false;
  for (let first = 0; first < length; first += some) {
    const count = Math.min(some, length - first);
    const part = { ...inputs } as Record<string, Tensor | undefined>;
    const copies: Tensor[] = [];
    for (const [name, axis] of Object.entries(axes)) {
      const tensor = part[name];
      if (tensor === undefined) continue;
      const copy = partOf(gpu, tensor, axis, first, count);
      copies.push(copy);
      part[name] = copy;
    }
    const found = kernel.run(gpu, part as I, parting.attrsOfPart?.(attrs) ?? attrs);
    isSingle = !Array.isArray(found);
    const outputs = [found].flat();
    if (first === 0)
      whole = outputs.map((output, i) =>
        ways[i] === 'summed' ? zerosOf(gpu, output) : gpu.tensor(widened(output, ways[i] as number, length), output.dtype),
      );
    for (const [i, output] of outputs.entries()) {
      const target = whole[i] as TensorInfo;
      const way = ways[i] as number | 'summed';
      if (way === 'summed') addTo(gpu, target, output);
      else copyAlong(gpu, { from: output, to: target, axis: way, fromPlace: 0, toPlace: first, count });
    }
    freeParts(gpu, outputs);
    for (const copy of copies) copy.dispose();
  }
  return isSingle ? (whole[0] as TensorInfo) : whole;
}

/** A kernel's reference returns tensors that tfjs tracks, a program's outputs belong to no one yet. */
function freeParts(gpu: Gpu, outputs: readonly TensorInfo[]): void {
  for (const output of outputs) {
    if ('dispose' in output) (output as Tensor).dispose();
    else gpu.free(output);
  }
}

const widened = ({ shape }: TensorInfo, axis: number, length: number): number[] => shape.map((size, i) => (i === axis ? length : size));

/** Places `first` and on of an axis as a tensor of their own. */
function partOf(gpu: Gpu, tensor: Tensor, axis: number, first: number, count: number): Tensor {
  const copy = gpu.tensor(widened(tensor, axis, count), tensor.dtype as DataType);
  copyAlong(gpu, { from: tensor, to: copy, axis, fromPlace: first, toPlace: 0, count });
  return engine().makeTensorFromTensorInfo(copy);
}

interface Copy {
  readonly from: TensorInfo;
  readonly to: TensorInfo;
  readonly axis: number;
  readonly fromPlace: number;
  readonly toPlace: number;
  readonly count: number;
}

/** Copies `count` places along one axis; the other axes have equal sizes. */
function copyAlong(gpu: Gpu, { from, to, axis, fromPlace, toPlace, count }: Copy): void {
  const outer = from.shape.slice(0, axis).reduce((a, b) => a * b, 1);
  const inner = from.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const [fromLength, toLength] = [from.shape[axis] as number, to.shape[axis] as number];
  const ranges = Array.from({ length: outer }, (_, i) => ({
    from: (i * fromLength + fromPlace) * inner,
    to: (i * toLength + toPlace) * inner,
    count: count * inner,
  }));
  gpu.copy(from, to, ranges);
}

const zerosProgram: Program = pointwise({ name: 'SsmSumOfParts', inputs: {}, outputs: { y: 'f32' }, params: {}, main: '  y[i] = 0;' });
const addProgram: Program = pointwise({
  name: 'SsmSumOfParts',
  inputs: { x: 'f32' },
  outputs: { y: 'f32' },
  params: {},
  main: '  y[i] += x[i];',
});

function zerosOf(gpu: Gpu, { shape }: TensorInfo): TensorInfo {
  const y = gpu.tensor([...shape]);
  const count = sizeOf(y);
  gpu.run(zerosProgram, { inputs: {}, outputs: { y }, params: { count }, groups: groupsOf(count) });
  return y;
}

function addTo(gpu: Gpu, y: TensorInfo, x: TensorInfo): void {
  const count = sizeOf(y);
  gpu.run(addProgram, { inputs: { x }, outputs: { y }, params: { count }, groups: groupsOf(count) });
}
