import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Heap } from '../../../backends/wasm/heap';
import type { Machine } from '../../../backends/wasm/machine';
import type { DenseEmbeddingInputs, EmbeddingGradAttrs, EmbeddingGradInputs } from '../kernel';

/** Exports of assembly.ts. */
export interface EmbeddingModule {
  embedding(ids: number, w: number, out: number, count: number, width: number): void;
  embeddingGradBlocks(width: number, vocabulary: number): number;
  /** ids, dy, dw, count, width, vocabulary, padding, block */
  embeddingGrad(...addressesAndSizes: number[]): void;
}

/** The kernels' own checks have seen the ids: none points outside the matrix. */
export const embeddingOnWasm =
  (heap: Heap, module: EmbeddingModule) =>
  ({ ids, w }: DenseEmbeddingInputs): TensorInfo => {
    const output = heap.output([...ids.shape, w.shape[1]]);
    module.embedding(heap.address(ids), heap.address(w), heap.address(output), ids.size, w.shape[1]);
    return output;
  };

export const embeddingGradOnWasm =
  ({ heap, module, run }: Machine<EmbeddingModule>) =>
  ({ ids, dy }: EmbeddingGradInputs, { vocabSize, paddingIndex }: EmbeddingGradAttrs): TensorInfo => {
    const width = dy.shape[2];
    const output = heap.output([vocabSize, width]);
    const addresses = [ids, dy, output].map((tensor) => heap.address(tensor));
    run('embeddingGrad', module.embeddingGradBlocks(width, vocabSize), 0, ...addresses, ids.size, width, vocabSize, paddingIndex);
    return output;
  };
