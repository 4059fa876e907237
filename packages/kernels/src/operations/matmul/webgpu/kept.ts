import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Gpu, TensorRange } from '../../../backends/webgpu/gpu';
import { whenPrecisionEnds } from '../precision';

/** An operand as it lies in memory: matrices of `rows` × `columns`, with rows of `stride` values. */
export interface Lines {
  readonly from: TensorInfo | TensorRange;
  readonly rows: number;
  readonly columns: number;
  readonly stride: number;
  readonly batch: number;
  /** Rows and columns are filled up with zeros to multiples of these, which are multiples of eight. */
  readonly toRows: number;
  readonly toColumns: number;
  /** Whether it stays as it is until the precision of products ends, and what is made of it may be kept. */
  readonly isFixed?: boolean;
}

/** An operand in halves, eight a vector. */
export interface Narrowed {
  readonly tensor: TensorInfo;
  /** Vectors of a row, and of a matrix. */
  readonly stride: number;
  readonly size: number;
  /** Whether others may take it as well: then it is not the product's to free. */
  readonly isKept: boolean;
}

/** What was rounded, by the tensor it was made of and the part of that. */
type Kept = Map<object, Map<string, Narrowed>>;

const ofGpu = new WeakMap<Gpu, Kept>();

const sourceOf = ({ from }: Lines): TensorInfo => ('tensor' in from ? from.tensor : from);

const partOf = ({ from, rows, columns, stride, batch }: Lines): string =>
  [('tensor' in from && from.first) || 0, rows, columns, stride, batch].join(' ');

export const keptOf = (gpu: Gpu, lines: Lines): Narrowed | undefined => ofGpu.get(gpu)?.get(sourceOf(lines).dataId)?.get(partOf(lines));

/** Keeps an operand until its tensor goes or the precision ends. False where one like it is kept already. */
export function keep(gpu: Gpu, lines: Lines, made: Omit<Narrowed, 'isKept'>): boolean {
  const all = ofGpu.get(gpu) ?? begin(gpu);
  if (all.size === 0) whenPrecisionEnds(() => forgetAll(gpu, all));
  const { dataId } = sourceOf(lines);
  const parts = all.get(dataId) ?? new Map<string, Narrowed>();
  if (parts.has(partOf(lines))) return false;
  parts.set(partOf(lines), { ...made, isKept: true });
  all.set(dataId, parts);
  return true;
}

/** From then on a tensor that goes takes what was made of it along. */
function begin(gpu: Gpu): Kept {
  const all: Kept = new Map();
  ofGpu.set(gpu, all);
  const { backend } = gpu;
  const dispose = backend.disposeData.bind(backend);
  backend.disposeData = (dataId, ...more) => {
    const isGone = dispose(dataId, ...more);
    if (isGone || (backend.tensorMap.get(dataId)?.refCount ?? 0) <= 0) forget(gpu, all, dataId);
    return isGone;
  };
  return all;
}

function forget(gpu: Gpu, all: Kept, dataId: object): void {
  const parts = all.get(dataId);
  all.delete(dataId);
  for (const { tensor } of parts?.values() ?? []) gpu.free(tensor);
}

function forgetAll(gpu: Gpu, all: Kept): void {
  for (const dataId of [...all.keys()]) forget(gpu, all, dataId);
}
