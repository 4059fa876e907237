import { defineKernel, isPacked, type Kernel, type PackedMatrix } from '@densessm/ssm-core';
import {
  cast,
  clone,
  customGrad,
  gather,
  mul,
  oneHot,
  reshape,
  scalar,
  scatterND,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  tidy,
} from '@tensorflow/tfjs-core';
import { checkHostIds } from '../../host-ids';

export interface EmbeddingInputs {
  /** [B, T] int32 */
  ids: Tensor2D;
  /** [V, D]. Packed, it has no gradient. */
  w: Tensor2D | PackedMatrix;
}
export interface EmbeddingAttrs {
  /** This row receives no gradient, as torch's padding_idx; -1 for none. */
  paddingIndex: number;
}

/** With a matrix that is no packed one. */
export type DenseEmbeddingInputs = EmbeddingInputs & { w: Tensor2D };

interface EmbeddingKernel extends Kernel<DenseEmbeddingInputs, Tensor3D, EmbeddingAttrs> {
  (inputs: EmbeddingInputs, attrs?: Partial<EmbeddingAttrs>): Tensor3D;
}

const denseEmbedding: Kernel<DenseEmbeddingInputs, Tensor3D, EmbeddingAttrs> = /* @__PURE__ */ defineKernel<
  DenseEmbeddingInputs,
  Tensor3D,
  EmbeddingAttrs
>({
  name: 'SsmEmbedding',
  inputs: { ids: { dims: ['B', 'T'], dtype: 'int32' }, w: ['V', 'D'] },
  fix: 'pass ids [B, T] and the embedding matrix [V, D] as on disk',
  attrs: { paddingIndex: -1 },
  check: ({ ids, w }) => checkHostIds('SsmEmbedding', 'ids', ids, w.shape[0]),
  reference: ({ ids, w }, { paddingIndex }) =>
    tidy(() => gather<Tensor>(paddingIndex < 0 ? w : withoutRowGradient(w, paddingIndex), ids) as Tensor3D),
  backward: (dy, { ids, w }, _, { paddingIndex }) => ({
    w: () => embeddingGrad({ ids, dy }, { vocabSize: w.shape[0], paddingIndex }),
  }),
});

const withPacked = (kernel: Kernel<DenseEmbeddingInputs, Tensor3D, EmbeddingAttrs>): EmbeddingKernel =>
  Object.assign(
    ({ ids, w }: EmbeddingInputs, attrs?: Partial<EmbeddingAttrs>) => (isPacked(w) ? w.embedding(ids) : kernel({ ids, w }, attrs)),
    { definition: kernel.definition },
  );

/**
 * Rows of w by id. ids [B, T] int32, w [V, D] → [B, T, D].
 * @throws SsmError TOKENS for an id outside [0, V), on backends that keep tensors in host memory.
 */
export const embedding: EmbeddingKernel = /* @__PURE__ */ withPacked(denseEmbedding);

export interface EmbeddingGradInputs {
  /** [B, T] int32 */
  ids: Tensor2D;
  /** [B, T, D] */
  dy: Tensor3D;
}
export interface EmbeddingGradAttrs extends EmbeddingAttrs {
  vocabSize: number;
}

/** The gradient of {@link embedding}: dw_v = Σ of dy where ids = v, added row by row. ids [B, T], dy [B, T, D] → [V, D]. */
export const embeddingGrad: Kernel<EmbeddingGradInputs, Tensor2D, EmbeddingGradAttrs> = /* @__PURE__ */ defineKernel<
  EmbeddingGradInputs,
  Tensor2D,
  EmbeddingGradAttrs
>({
  name: 'SsmEmbeddingGrad',
  inputs: { ids: { dims: ['B', 'T'], dtype: 'int32' }, dy: ['B', 'T', 'D'] },
  fix: 'dy is the gradient of what embedding returned for these ids',
  attrs: { vocabSize: 1, paddingIndex: -1 },
  check: ({ ids }, { vocabSize }) => checkHostIds('SsmEmbeddingGrad', 'ids', ids, vocabSize),
  // scatterND adds up rows that meet, and unlike unsortedSegmentSum exists on every backend
  reference: ({ ids, dy }, { vocabSize, paddingIndex }) =>
    tidy(() => {
      const width = dy.shape[2];
      const total = scatterND(reshape(ids, [-1, 1]), reshape(dy, [-1, width]), [vocabSize, width]) as Tensor2D;
      return paddingIndex < 0 ? total : mul(total, allRowsBut(paddingIndex, vocabSize));
    }),
});

/** 1 for every row but one. [V, 1]; through int32, since wasm's oneHot writes integers whatever its dtype says. */
const allRowsBut = (row: number, count: number): Tensor2D =>
  cast(reshape(oneHot(scalar(row, 'int32'), count, 0, 1, 'int32'), [count, 1]), 'float32') as Tensor2D;

/** w itself, whose gradient skips a row. */
const withoutRowGradient = (w: Tensor2D, row: number): Tensor2D =>
  customGrad((same) => ({ value: clone(same as Tensor2D), gradFunc: (dy: Tensor2D) => tidy(() => mul(dy, allRowsBut(row, w.shape[0]))) }))(
    w,
  );
