import { backend_util, type SumAttrs, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { wasmKernel } from '../../wasm-kernel';
import { wasmRuntimeOf } from '../../wasm-runtime';
import { replaceStock } from '../stock';

export const sumMiddle = wasmKernel('sumMiddle', { x: 'tensor', out: 'tensor', outer: 'i32', middle: 'i32', inner: 'i32', scale: 'f64' });

/** Adds up what the blocks of a kernel leave for a sum across them, in one order: parts [count, size] → out [size]. */
export const sumParts = wasmKernel(
  'sumParts',
  { parts: 'tensor', out: 'tensor', count: 'i32', size: 'i32' },
  { blocks: ['sumPartsBlocks', 'size'] },
);

/**
 * Replaces tfjs's Sum and Mean on wasm, which add in float32 one value after the other (an error of 5e-7 over 100 values, growing
 * with their number: the main rounding error of a norm) and copy the tensor first where the axes are not the last. Ours adds in float64.
 */
export function replaceSums(): void {
  for (const name of ['Sum', 'Mean']) {
    replaceStock(name, (stock) => (call) => {
      const x = call.inputs.x as TensorInfo;
      const { axis, keepDims } = call.attrs as unknown as SumAttrs;
      const axes = util.parseAxisParam(axis, x.shape).sort((a, b) => a - b);
      const first = axes[0] ?? 0;
      const isRun = axes.every((one, i) => one === first + i);
      const runtime = wasmRuntimeOf(call.backend as object);
      if (!runtime || x.dtype !== 'float32' || !isRun) return stock(call);
      const [kept] = backend_util.computeOutAndReduceShapes(x.shape, axes);
      const out = runtime.heap.output(keepDims ? backend_util.expandShapeToKeepDim(kept, axes) : kept);
      const size = (shape: number[]) => util.sizeFromShape(shape);
      const [outer, middle, inner] = [
        size(x.shape.slice(0, first)),
        size(x.shape.slice(first, first + axes.length)),
        size(x.shape.slice(first + axes.length)),
      ];
      const scale = name === 'Mean' ? 1 / middle : 1;
      if (outer * inner > 0) runtime.run(sumMiddle, { x, out, outer, middle, inner, scale });
      return out;
    });
  }
}
