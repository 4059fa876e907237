import { backend_util, type ConcatAttrs, type SplitVAttrs, type Tensor, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { Machine } from '../../machine';
import { replaceStock } from '../stock';

/** Exports of assembly.ts. */
export interface StridedCopyModule {
  copyRunsBlocks(rows: number, run: number): number;
  /** from, to, rows, run, fromStride, toStride, block */
  copyRuns(...addressesAndSizes: number[]): void;
}
type OnHeap = Machine<StridedCopyModule>;

/** Of each backend that our kernels were registered for, where they run. */
const places = new WeakMap<object, OnHeap>();

/**
 * Replaces tfjs's SplitV and Concat on wasm. The former copies its whole input out of the heap for each part, and both make a view
 * for every row, which takes longer than to copy it.
 */
export function replaceSplitAndConcat(backend: object, machine: OnHeap): void {
  places.set(backend, machine);
  replaceStock('SplitV', (stock) => (call) => {
    const x = call.inputs.x as TensorInfo;
    const place = places.get(call.backend as object);
    return place && x.dtype === 'float32' ? split(place, x, call.attrs as unknown as SplitVAttrs) : stock(call);
  });
  replaceStock('Concat', (stock) => (call) => {
    const parts = call.inputs as unknown as TensorInfo[];
    const place = places.get(call.backend as object);
    const isOurs = parts.every(({ dtype }) => dtype === 'float32');
    return place && isOurs ? concat(place, parts, call.attrs as unknown as ConcatAttrs) : stock(call);
  });
}

function split(place: OnHeap, x: TensorInfo, { numOrSizeSplits, axis }: SplitVAttrs): TensorInfo[] {
  const along = util.parseAxisParam(axis, x.shape)[0] as number;
  const sizes = backend_util.prepareSplitSize(x as Tensor, numOrSizeSplits, along);
  const parts = sizes.map((size) => place.heap.output(x.shape.with(along, size)));
  copyParts(place, x, parts, along, (whole, part, rows, run, row) => copyRuns(place, whole, part, rows, run, row, run));
  return parts;
}

function concat(place: OnHeap, parts: TensorInfo[], { axis }: ConcatAttrs): TensorInfo {
  const [first] = parts as [TensorInfo];
  const along = util.parseAxisParam(axis, first.shape)[0] as number;
  const shapes = parts.map(({ shape }) => shape);
  backend_util.assertParamsConsistent(shapes, along);
  const output = place.heap.output(backend_util.computeOutShape(shapes, along));
  copyParts(place, output, parts, along, (whole, part, rows, run, row) => copyRuns(place, part, whole, rows, run, run, row));
  return output;
}

function copyRuns(
  { module, run: share }: OnHeap,
  from: number,
  to: number,
  rows: number,
  run: number,
  fromStride: number,
  toStride: number,
) {
  share('copyRuns', module.copyRunsBlocks(rows, run), 0, from, to, rows, run, fromStride, toStride);
}

/** Calls `copy` with where each part lies, its rows and their length, and that of the whole's rows. */
function copyParts(
  { heap }: OnHeap,
  whole: TensorInfo,
  parts: TensorInfo[],
  along: number,
  copy: (whole: number, part: number, rows: number, run: number, row: number) => void,
): void {
  const rows = util.sizeFromShape(whole.shape.slice(0, along));
  const row = util.sizeFromShape(whole.shape.slice(along));
  let start = heap.address(whole);
  for (const part of parts) {
    const run = util.sizeFromShape(part.shape.slice(along));
    copy(start, heap.address(part), rows, run, row);
    start += 4 * run;
  }
}
