import { type KernelCheck, kernelCheck } from '../../checks/kernel-check';
import { embedding, embeddingGrad } from './kernel';
import { embeddingGradNaive, embeddingNaive } from './naive';

const ids = (batch: number, length: number, vocabulary: number) => ({
  shape: [batch, length],
  dtype: 'int32' as const,
  value: (_: number, random: () => number) => Math.floor(random() * vocabulary),
});

const samples = {
  'one id': { inputs: { ids: ids(1, 1, 3), w: { shape: [3, 5] } } },
  'repeated ids, odd width': { inputs: { ids: ids(2, 9, 4), w: { shape: [4, 7] } } },
  'wide rows': { inputs: { ids: ids(3, 5, 11), w: { shape: [11, 67] } } },
  'one column': { inputs: { ids: ids(1, 6, 2), w: { shape: [2, 1] } } },
  'with a padding row': { inputs: { ids: ids(2, 9, 4), w: { shape: [4, 7] } }, attrs: { paddingIndex: 2 } },
};

const gradientSamples = {
  'one id': { inputs: { ids: ids(1, 1, 3), dy: { shape: [1, 1, 5] } }, attrs: { vocabSize: 3 } },
  'repeated ids': { inputs: { ids: ids(2, 9, 4), dy: { shape: [2, 9, 7] } }, attrs: { vocabSize: 6 } },
  'with a padding row': { inputs: { ids: ids(2, 9, 4), dy: { shape: [2, 9, 6] } }, attrs: { vocabSize: 4, paddingIndex: 0 } },
};

/** Rows are copied; their gradients are sums of a few values. */
export const embeddingChecks: readonly KernelCheck[] = [
  kernelCheck(embedding, samples, 1e-6, { naive: embeddingNaive }),
  kernelCheck(embeddingGrad, gradientSamples, 1e-6, { naive: embeddingGradNaive }),
];
