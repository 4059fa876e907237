import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Machine } from '../../../backends/wasm/machine';
import type { CrossEntropyModule } from '../../cross-entropy/wasm/kernel';
import { type MatMulModule, multiply } from '../../matmul/wasm/kernel';
import { type LinearCrossEntropyInputs, rowsOfChunk } from '../inputs';
import type { LinearCrossEntropyKernelAttrs } from '../kernel';

type ThisMachine = Machine<MatMulModule & CrossEntropyModule>;

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
  ignoreIndex: number;
  /** float64 of each row. */
  losses: number;
  /** What each row's gradient counts, float32 of one chunk. */
  shares: number;
  /** The logits of one chunk, and then in their place the gradients. */
  logits: number;
}

/** Made of the kernels of products and of the cross entropy, on one chunk of logits in memory that all calls share. */
export const linearCrossEntropyOnWasm =
  (machine: ThisMachine) =>
  (inputs: LinearCrossEntropyInputs, attrs: LinearCrossEntropyKernelAttrs): TensorInfo[] => {
    const { heap, module } = machine;
    const { x, w, targets } = inputs;
    const outputs = [[], ...(attrs.gradients ? [x.shape, w.shape] : [])].map((shape) => heap.output(shape));
    const [[rows, width], [vocabulary]] = [x.shape, w.shape];
    const chunk = rowsOfChunk(inputs, attrs);
    const losses = heap.shared(8 * rows + 4 * chunk * (1 + vocabulary));
    const shares = losses + 8 * rows;
    const [loss, dx = 0, dw = 0] = outputs.map((tensor) => heap.addressOrNone(tensor));
    const places = {
      x: heap.address(x),
      w: heap.address(w),
      targets: heap.address(targets),
      dx,
      dw,
      losses,
      shares,
      logits: shares + 4 * chunk,
    };
    const call: Call = { ...places, rows, width, vocabulary, ignoreIndex: attrs.ignoreIndex };
    if (attrs.gradients) clearSums(machine, call, chunk);
    for (let row = 0; row < rows; row += chunk) computeChunk(machine, call, row, Math.min(chunk, rows - row));
    module.collectLosses(losses, call.targets, loss as number, rows, attrs.ignoreIndex, 1);
    return outputs;
  };

/** dw = 0, to be added to, and the shares of a row that counts. */
function clearSums({ heap }: ThisMachine, { targets, dw, rows, width, vocabulary, ignoreIndex, shares }: Call, chunk: number): void {
  const counted = new Int32Array(heap.buffer, targets, rows).reduce((count, target) => count + Number(target !== ignoreIndex), 0);
  new Float32Array(heap.buffer, shares, chunk).fill(1 / Math.max(1, counted));
  new Float32Array(heap.buffer, dw, vocabulary * width).fill(0);
}

function computeChunk(machine: ThisMachine, call: Call, row: number, rows: number): void {
  const { module, run } = machine;
  const { w, logits, shares, width, vocabulary, ignoreIndex } = call;
  const [x, dx] = [call.x, call.dx].map((address) => address + 4 * row * width) as [number, number];
  const [targets, losses] = [call.targets + 4 * row, call.losses + 8 * row];
  const blocks = module.crossEntropyBlocks(rows, vocabulary);
  multiply(machine, { addresses: [x, w, logits], sizes: [rows, width, vocabulary], transposeB: true });
  if (call.dw === 0) {
    run('crossEntropy', blocks, 0, logits, targets, losses, rows, vocabulary, ignoreIndex);
    return;
  }
  run('crossEntropyGrad', blocks, 0, logits, targets, shares, logits, losses, rows, vocabulary, ignoreIndex, 0);
  multiply(machine, { addresses: [logits, w, dx], sizes: [rows, vocabulary, width] });
  multiply(machine, { addresses: [logits, x, call.dw], sizes: [vocabulary, rows, width], transposeA: true, add: true });
}
