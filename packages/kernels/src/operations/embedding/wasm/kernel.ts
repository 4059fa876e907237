import { wasmKernel } from '../../../backends/wasm/wasm-kernel';
import { wasmVersion } from '../../../backends/wasm/wasm-version';
import { embedding, embeddingGrad } from '../kernel';

const forward = wasmKernel('embedding', { ids: 'tensor', w: 'tensor', out: 'tensor', count: 'i32', width: 'i32' });

const gradient = wasmKernel(
  'embeddingGrad',
  { ids: 'tensor', dy: 'tensor', dw: 'tensor', count: 'i32', width: 'i32', vocabulary: 'i32', padding: 'i32' },
  { blocks: ['embeddingGradBlocks', 'width', 'vocabulary'] },
);

/** The kernels' own checks have seen the ids: none points outside the matrix. */
export const embeddingOnWasm = [
  wasmVersion(embedding, [forward], (runtime, { ids, w }) => {
    const width = w.shape[1];
    const out = runtime.heap.output([...ids.shape, width]);
    runtime.run(forward, { ids, w, out, count: ids.size, width });
    return out;
  }),
  wasmVersion(embeddingGrad, [gradient], (runtime, { ids, dy }, { vocabSize: vocabulary, paddingIndex: padding }) => {
    const width = dy.shape[2];
    const dw = runtime.heap.output([vocabulary, width]);
    runtime.run(gradient, { ids, dy, dw, count: ids.size, width, vocabulary, padding });
    return dw;
  }),
];
