import { type SliceAttrs, slice_util, type TensorInfo, type TypedArray, util } from '@tensorflow/tfjs-core';
import { replaceStock } from './stock';

/** What a slice needs of tfjs's `BackendWasm`. */
interface Views {
  makeOutput(shape: number[], dtype: TensorInfo['dtype']): TensorInfo;
  /** A view of a tensor in the heap, good until the next allocation. */
  typedArrayFromHeap(tensor: TensorInfo): TypedArray;
}

/**
 * Replaces tfjs's Slice on wasm, which copies its whole input out of the heap before it takes a part: cutting a sequence into
 * tokens or chunks, as the scans do, then costs the square of its length. Ours copies the part alone.
 */
export function replaceSlice(): void {
  replaceStock('Slice', (stock) => (call) => {
    const { inputs, attrs, backend } = call;
    const x = inputs.x as TensorInfo;
    return x.dtype === 'string' ? stock(call) : slice(x, attrs as unknown as SliceAttrs, backend as Views);
  });
}

function slice(x: TensorInfo, { begin, size }: SliceAttrs, backend: Views): TensorInfo {
  const [start, shape] = slice_util.parseSliceParams(x, begin, size) as [number[], number[]];
  const output = backend.makeOutput(shape, x.dtype);
  if (util.sizeFromShape(shape) > 0) copyRuns(backend.typedArrayFromHeap(x), x.shape, start, backend.typedArrayFromHeap(output), shape);
  return output;
}

/** Values that lie together in input and output are copied at once: those of the last axis that is cut and all axes behind it. */
function copyRuns(from: TypedArray, whole: readonly number[], start: readonly number[], to: TypedArray, part: readonly number[]): void {
  const strides = whole.map((_, axis) => util.sizeFromShape(whole.slice(axis + 1)));
  const last = Math.max(
    0,
    part.findLastIndex((size, axis) => size !== whole[axis]),
  );
  const run = util.sizeFromShape(part.slice(last));
  const runs = util.sizeFromShape(part.slice(0, last));
  for (let n = 0; n < runs; n++) {
    let offset = (start[last] as number) * (strides[last] as number);
    for (let axis = last - 1, rest = n; axis >= 0; axis--) {
      const size = part[axis] as number;
      offset += ((start[axis] as number) + (rest % size)) * (strides[axis] as number);
      rest = Math.floor(rest / size);
    }
    to.set(from.subarray(offset, offset + run), n * run);
  }
}
