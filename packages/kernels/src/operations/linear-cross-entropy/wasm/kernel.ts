import type { WasmRuntime } from '../../../backends/wasm/wasm-runtime';
import { wasmVersion } from '../../../backends/wasm/wasm-version';
import { collectLosses, gradientOfLogits, rowLosses } from '../../cross-entropy/wasm/kernel';
import { product } from '../../matmul/wasm/kernel';
import { rowsOfChunk } from '../inputs';
import { linearCrossEntropyKernel } from '../kernel';

/** Addresses of one call, and its sizes. Where no gradients are asked for, dx and dw are 0. */
interface Call {
  x: number;
  w: number;
  targets: number;
  dx: number;
  dw: number;
  rows: number;
  width: number;
  vocabulary: number;
  ignored: number;
  /** float64 of each row. */
  losses: number;
  /** What each row's gradient counts, float32 of one chunk. */
  shares: number;
  /** The logits of one chunk, and then in their place the gradients. */
  logits: number;
}

export const linearCrossEntropyOnWasm = [
  /** Made of the kernels of products and of the cross entropy, on one chunk of logits in memory that all calls share. */
  wasmVersion(linearCrossEntropyKernel, [product, rowLosses, gradientOfLogits, collectLosses], (runtime, inputs, attrs) => {
    const { heap } = runtime;
    const { x, w, targets } = inputs;
    const outputs = [[], ...(attrs.gradients ? [x.shape, w.shape] : [])].map((shape) => heap.output(shape));
    const [[rows, width], [vocabulary]] = [x.shape, w.shape];
    const chunk = rowsOfChunk(inputs, attrs);
    const losses = heap.shared(8 * rows + 4 * chunk * (1 + vocabulary));
    const shares = losses + 8 * rows;
    const [out, dx = 0, dw = 0] = outputs.map((tensor) => heap.address(tensor)) as [number, number?, number?];
    const call: Call = {
      x: heap.address(x),
      w: heap.address(w),
      targets: heap.address(targets),
      dx,
      dw,
      rows,
      width,
      vocabulary,
      ignored: attrs.ignoreIndex,
      losses,
      shares,
      logits: shares + 4 * chunk,
    };
    if (attrs.gradients) clearSums(runtime, call, chunk);
    for (let row = 0; row < rows; row += chunk) computeChunk(runtime, call, row, Math.min(chunk, rows - row));
    runtime.run(collectLosses, { ...call, out, mean: true });
    return outputs;
  }),
];

/** dw = 0, to be added to, and the shares of a row that counts. */
function clearSums({ heap }: WasmRuntime, { targets, dw, rows, width, vocabulary, ignored, shares }: Call, chunk: number): void {
  const counted = new Int32Array(heap.buffer, targets, rows).reduce((count, target) => count + Number(target !== ignored), 0);
  new Float32Array(heap.buffer, shares, chunk).fill(1 / Math.max(1, counted));
  new Float32Array(heap.buffer, dw, vocabulary * width).fill(0);
}

const PLAIN = { batch: 1, transposeA: false, transposeB: false, add: false } as const;

function computeChunk(runtime: WasmRuntime, call: Call, row: number, rows: number): void {
  const { w, logits, shares, width, vocabulary, ignored } = call;
  const [x, dx] = [call.x + 4 * row * width, call.dx + 4 * row * width];
  const [targets, losses] = [call.targets + 4 * row, call.losses + 8 * row];
  runtime.run(product, { ...PLAIN, a: x, b: w, c: logits, m: rows, k: width, n: vocabulary, transposeB: true });
  if (call.dw === 0) {
    runtime.run(rowLosses, { logits, targets, losses, rows, width: vocabulary, ignored });
    return;
  }
  const sizes = { rows, width: vocabulary, ignored, mean: false };
  runtime.run(gradientOfLogits, { logits, targets, dy: shares, dlogits: logits, losses, ...sizes });
  runtime.run(product, { ...PLAIN, a: logits, b: w, c: dx, m: rows, k: vocabulary, n: width });
  runtime.run(product, { ...PLAIN, a: logits, b: x, c: call.dw, m: vocabulary, k: rows, n: width, transposeA: true, add: true });
}
