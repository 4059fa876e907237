import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Heap } from '../wasm/heap';
import type { EmbeddingGradAttrs, EmbeddingGradInputs, EmbeddingInputs } from './kernel';

/** Exports of assembly.ts. */
export interface EmbeddingModule {
  embedding(ids: number, w: number, out: number, count: number, width: number): void;
  embeddingGrad(ids: number, dy: number, dw: number, count: number, width: number, vocabulary: number, padding: number): void;
}

/** The kernels' own checks have seen the ids: none points outside the matrix. */
export const embeddingOnWasm =
  (heap: Heap, module: EmbeddingModule) =>
  ({ ids, w }: EmbeddingInputs): TensorInfo => {
    const output = heap.output([...ids.shape, w.shape[1]]);
    module.embedding(heap.address(ids), heap.address(w), heap.address(output), ids.size, w.shape[1]);
    return output;
  };

export const embeddingGradOnWasm =
  (heap: Heap, module: EmbeddingModule) =>
  ({ ids, dy }: EmbeddingGradInputs, { vocabSize, paddingIndex }: EmbeddingGradAttrs): TensorInfo => {
    const width = dy.shape[2];
    const output = heap.output([vocabSize, width]);
    module.embeddingGrad(heap.address(ids), heap.address(dy), heap.address(output), ids.size, width, vocabSize, paddingIndex);
    return output;
  };
