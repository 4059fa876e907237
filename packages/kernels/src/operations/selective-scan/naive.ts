import { type Naive, NumberGrid } from '../../checks/number-grid';
import type { SelectiveScanAttrs, SelectiveScanInputs } from './inputs';

/**
 * Gu and Dao 2023, arXiv:2312.00752, Alg. 2, token by token and in float64:
 *   h_t = exp(delta_t A) h_(t−1) + delta_t B_t u_t,   y_t = C_t h_t + D u_t.
 * Letters: b batch, t time, e channel, n state, g group of channels.
 */
export const selectiveScanNaive: Naive<SelectiveScanInputs, SelectiveScanAttrs> = ({ u, delta, A, B, C, D, h0, documentStarts }) => {
  const [batch, length, channels, states] = [u.size(0), u.size(1), u.size(2), A.size(1)];
  const groups = B.shape.length === 4 ? B.size(2) : 1;
  const y = new NumberGrid(u.shape);
  const h = new NumberGrid([batch, channels, states], h0?.values);
  for (let b = 0; b < batch; b++)
    for (let t = 0; t < length; t++)
      for (let e = 0; e < channels; e++) {
        const g = Math.floor((e * groups) / channels);
        const perState = (x: NumberGrid, n: number): number => (x.shape.length === 4 ? x.at(b, t, g, n) : x.at(b, t, n));
        let read = 0;
        for (let n = 0; n < states; n++) {
          const before = documentStarts?.at(b, t) ? 0 : h.at(b, e, n);
          h.set(Math.exp(delta.at(b, t, e) * A.at(e, n)) * before + delta.at(b, t, e) * perState(B, n) * u.at(b, t, e), b, e, n);
          read += perState(C, n) * h.at(b, e, n);
        }
        y.set(read + (D?.at(e) ?? 0) * u.at(b, t, e), b, t, e);
      }
  return [y, h];
};
