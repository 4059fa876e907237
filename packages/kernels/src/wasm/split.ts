import { backend_util, type SplitVAttrs, type Tensor, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { slice, type Views } from './slice';
import { replaceStock } from './stock';

/**
 * Replaces tfjs's SplitV on wasm, which calls tfjs's own Slice once for each part and so copies its whole input as often. Ours
 * copies every value once.
 */
export function replaceSplit(): void {
  replaceStock('SplitV', () => (call) => split(call.inputs.x as TensorInfo, call.attrs as unknown as SplitVAttrs, call.backend as Views));
}

function split(x: TensorInfo, { numOrSizeSplits, axis }: SplitVAttrs, backend: Views): TensorInfo[] {
  const along = util.parseAxisParam(axis, x.shape)[0] as number;
  const begin = x.shape.map(() => 0);
  return backend_util.prepareSplitSize(x as Tensor, numOrSizeSplits, along).map((size) => {
    const part = slice(x, { begin, size: x.shape.map((whole, i) => (i === along ? size : whole)) }, backend);
    begin[along] = (begin[along] as number) + size;
    return part;
  });
}
