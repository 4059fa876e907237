import { backend_util, type ConcatAttrs, type SplitVAttrs, type Tensor, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { wasmKernel } from '../../wasm-kernel';
import { type WasmRuntime, wasmRuntimeOf } from '../../wasm-runtime';
import { replaceStock } from '../stock';

export const copyRuns = wasmKernel(
  'copyRuns',
  { from: 'tensor', to: 'tensor', rows: 'i32', run: 'i32', fromStride: 'i32', toStride: 'i32' },
  { blocks: ['copyRunsBlocks', 'rows', 'run'] },
);

/**
 * Replaces tfjs's SplitV and Concat on wasm. The former copies its whole input out of the heap for each part, and both make a view
 * for every row, which takes longer than to copy it.
 */
export function replaceSplitAndConcat(): void {
  replaceStock('SplitV', (stock) => (call) => {
    const x = call.inputs.x as TensorInfo;
    const runtime = wasmRuntimeOf(call.backend as object);
    return runtime && x.dtype === 'float32' ? split(runtime, x, call.attrs as unknown as SplitVAttrs) : stock(call);
  });
  replaceStock('Concat', (stock) => (call) => {
    const parts = call.inputs as unknown as TensorInfo[];
    const runtime = wasmRuntimeOf(call.backend as object);
    const isOurs = parts.every(({ dtype }) => dtype === 'float32');
    return runtime && isOurs ? concat(runtime, parts, call.attrs as unknown as ConcatAttrs) : stock(call);
  });
}

function split(runtime: WasmRuntime, x: TensorInfo, { numOrSizeSplits, axis }: SplitVAttrs): TensorInfo[] {
  const along = util.parseAxisParam(axis, x.shape)[0] as number;
  const sizes = backend_util.prepareSplitSize(x as Tensor, numOrSizeSplits, along);
  const parts = sizes.map((size) => runtime.heap.output(x.shape.with(along, size)));
  copyParts(runtime, x, parts, along, (whole, part, rows, run, row) =>
    runtime.run(copyRuns, { from: whole, to: part, rows, run, fromStride: row, toStride: run }),
  );
  return parts;
}

function concat(runtime: WasmRuntime, parts: TensorInfo[], { axis }: ConcatAttrs): TensorInfo {
  const [first] = parts as [TensorInfo];
  const along = util.parseAxisParam(axis, first.shape)[0] as number;
  const shapes = parts.map(({ shape }) => shape);
  backend_util.assertParamsConsistent(shapes, along);
  const output = runtime.heap.output(backend_util.computeOutShape(shapes, along));
  copyParts(runtime, output, parts, along, (whole, part, rows, run, row) =>
    runtime.run(copyRuns, { from: part, to: whole, rows, run, fromStride: run, toStride: row }),
  );
  return output;
}

/** Calls `copy` with where each part lies, its rows and their length, and that of the whole's rows. */
function copyParts(
  { heap }: WasmRuntime,
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
