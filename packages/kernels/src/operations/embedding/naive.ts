import { type Naive, NumberGrid } from '../../checks/number-grid';
import type { DenseEmbeddingInputs, EmbeddingAttrs, EmbeddingGradAttrs, EmbeddingGradInputs } from './kernel';

/** Row ids[b, t] of w at [b, t]. */
export const embeddingNaive: Naive<DenseEmbeddingInputs, EmbeddingAttrs> = ({ ids, w }) => {
  const out = new NumberGrid([...ids.shape, w.size(1)]);
  for (let b = 0; b < ids.size(0); b++)
    for (let t = 0; t < ids.size(1); t++) for (let d = 0; d < w.size(1); d++) out.set(w.at(ids.at(b, t), d), b, t, d);
  return [out];
};

/** dw_v = Σ of dy where the id is v; none for the padding row. */
export const embeddingGradNaive: Naive<EmbeddingGradInputs, EmbeddingGradAttrs> = ({ ids, dy }, { vocabSize, paddingIndex }) => {
  const dw = new NumberGrid([vocabSize, dy.size(2)]);
  for (let b = 0; b < ids.size(0); b++)
    for (let t = 0; t < ids.size(1); t++)
      if (ids.at(b, t) !== paddingIndex) for (let d = 0; d < dy.size(2); d++) dw.add(dy.at(b, t, d), ids.at(b, t), d);
  return [dw];
};
