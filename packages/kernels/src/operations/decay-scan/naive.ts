import { type Naive, NumberGrid } from '../../checks/number-grid';
import type { DecayScanAttrs, DecayScanInputs } from './inputs';

/**
 * The recurrent form, arXiv:2307.08621, eq. 6, with a decay of each token as in arXiv:2405.21060, in float64:
 *   S_t = a_t S_(t−1) + k_tᵀ v_t,   o_t = q_t S_t.
 * Letters: b batch, t time, h head, i key, j value.
 */
export const decayScanNaive: Naive<DecayScanInputs, DecayScanAttrs> = ({ q, k, v, logDecay, s0, documentStarts }) => {
  const [batch, length, heads, keys, values] = [q.size(0), q.size(1), q.size(2), q.size(3), v.size(3)];
  const o = new NumberGrid(v.shape);
  const S = new NumberGrid([batch, heads, keys, values], s0?.values);
  for (let b = 0; b < batch; b++)
    for (let t = 0; t < length; t++)
      for (let h = 0; h < heads; h++) {
        const a = documentStarts?.at(b, t) ? 0 : Math.exp(logDecay.shape.length === 1 ? logDecay.at(h) : logDecay.at(b, t, h));
        for (let i = 0; i < keys; i++)
          for (let j = 0; j < values; j++) {
            S.set(a * S.at(b, h, i, j) + k.at(b, t, h, i) * v.at(b, t, h, j), b, h, i, j);
            o.add(q.at(b, t, h, i) * S.at(b, h, i, j), b, t, h, j);
          }
      }
  return [o, S];
};
