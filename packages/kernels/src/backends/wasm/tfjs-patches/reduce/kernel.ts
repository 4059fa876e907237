import { backend_util, type SumAttrs, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { Heap } from '../../heap';
import type { Machine } from '../../machine';
import { replaceStock } from '../stock';

/** Exports of assembly.ts. */
export interface ReduceModule {
  sumMiddle(x: number, out: number, outer: number, middle: number, inner: number, scale: number): void;
  sumPartsBlocks(size: number): number;
  sumParts(parts: number, out: number, count: number, size: number, block: number): void;
}

/** Adds up what the blocks of a kernel leave for a sum across them, in one order: parts [count, size] → out [size]. */
export function sumParts({ module, run }: Machine<ReduceModule>, parts: number, out: number, count: number, size: number): void {
  run('sumParts', module.sumPartsBlocks(size), 0, parts, out, count, size);
}

interface OnHeap {
  heap: Heap;
  module: ReduceModule;
}

/** Where the sums of each backend run; one without a place keeps tfjs's own. */
const places = new WeakMap<object, OnHeap>();

/**
 * Replaces tfjs's Sum and Mean on wasm, which add in float32 one value after the other (an error of 5e-7 over 100 values, growing
 * with their number: the main rounding error of a norm) and copy the tensor first where the axes are not the last. Ours adds in float64.
 */
export function replaceSums(backend: object, heap: Heap, module: ReduceModule): void {
  places.set(backend, { heap, module });
  for (const name of ['Sum', 'Mean']) {
    replaceStock(name, (stock) => (call) => {
      const x = call.inputs.x as TensorInfo;
      const { axis, keepDims } = call.attrs as unknown as SumAttrs;
      const axes = util.parseAxisParam(axis, x.shape).sort((a, b) => a - b);
      const first = axes[0] ?? 0;
      const isRun = axes.every((one, i) => one === first + i);
      const place = places.get(call.backend as object);
      if (!place || x.dtype !== 'float32' || !isRun) return stock(call);
      const [kept] = backend_util.computeOutAndReduceShapes(x.shape, axes);
      const output = place.heap.output(keepDims ? backend_util.expandShapeToKeepDim(kept, axes) : kept);
      const size = (shape: number[]) => util.sizeFromShape(shape);
      const [outer, middle, inner] = [
        size(x.shape.slice(0, first)),
        size(x.shape.slice(first, first + axes.length)),
        size(x.shape.slice(first + axes.length)),
      ];
      const scale = name === 'Mean' ? 1 / middle : 1;
      if (outer * inner > 0) place.module.sumMiddle(addressOf(place.heap, x), place.heap.address(output), outer, middle, inner, scale);
      return output;
    });
  }
}

/** A tensor without values lies nowhere. */
const addressOf = (heap: Heap, x: TensorInfo): number => (util.sizeFromShape(x.shape) === 0 ? 0 : heap.address(x));
