import { wasmKernel } from '../../../backends/wasm/wasm-kernel';
import { wasmVersion } from '../../../backends/wasm/wasm-version';
import { squareSum } from '../kernel';

const kernel = wasmKernel('squareSum', { x: 'tensor', out: 'tensor', size: 'i32' });

export const squareSumOnWasm = [
  wasmVersion(squareSum, [kernel], (runtime, { x }) => {
    const out = runtime.heap.output([]);
    runtime.run(kernel, { x, out, size: x.size });
    return out;
  }),
];
