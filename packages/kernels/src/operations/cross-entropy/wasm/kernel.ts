import { wasmKernel } from '../../../backends/wasm/wasm-kernel';
import { wasmVersion } from '../../../backends/wasm/wasm-version';
import { crossEntropyGrad } from '../gradient';
import { crossEntropy } from '../kernel';

const blocks = ['crossEntropyBlocks', 'rows', 'width'] as const;

/** The loss of each row, in float64. */
export const rowLosses = wasmKernel(
  'crossEntropy',
  { logits: 'tensor', targets: 'tensor', losses: 'tensor', rows: 'i32', width: 'i32', ignored: 'i32' },
  { blocks },
);

/** Losses of rows to their mean, or to float32. */
export const collectLosses = wasmKernel('collectLosses', {
  losses: 'tensor',
  targets: 'tensor',
  out: 'tensor',
  rows: 'i32',
  ignored: 'i32',
  mean: 'bool',
});

/** The gradient, and the loss of each row where `losses` is given. */
export const gradientOfLogits = wasmKernel(
  'crossEntropyGrad',
  {
    logits: 'tensor',
    targets: 'tensor',
    dy: 'tensor',
    dlogits: 'tensor',
    losses: 'tensor?',
    rows: 'i32',
    width: 'i32',
    ignored: 'i32',
    mean: 'bool',
  },
  { blocks },
);

/** The kernels' own checks have seen the targets: none points outside its row. */
export const crossEntropyOnWasm = [
  wasmVersion(crossEntropy, [rowLosses, collectLosses], (runtime, { logits, targets }, { ignoreIndex: ignored, reduction }) => {
    const { heap } = runtime;
    const mean = reduction === 'mean';
    const out = heap.output(mean ? [] : targets.shape);
    const [rows, width] = logits.shape;
    const losses = heap.shared(8 * rows);
    runtime.run(rowLosses, { logits, targets, losses, rows, width, ignored });
    runtime.run(collectLosses, { losses, targets, out, rows, ignored, mean });
    return out;
  }),
  wasmVersion(crossEntropyGrad, [gradientOfLogits], (runtime, inputs, { ignoreIndex: ignored, reduction }) => {
    const [rows, width] = inputs.logits.shape;
    const dlogits = runtime.heap.output([rows, width]);
    runtime.run(gradientOfLogits, { ...inputs, dlogits, rows, width, ignored, mean: reduction === 'mean' });
    return dlogits;
  }),
];
