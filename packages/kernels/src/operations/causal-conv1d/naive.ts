import { type Naive, NumberGrid } from '../../checks/number-grid';
import type { CausalConv1dAttrs, CausalConv1dInputs } from './inputs';

/**
 * y_t = act(bias + Σ_j w_j x_(t−W+1+j)) and the last W − 1 inputs, of which those before a start are zero.
 * Letters: b batch, t time, e channel, j column of w.
 */
export const causalConv1dNaive: Naive<CausalConv1dInputs, CausalConv1dAttrs> = ({ x, w, bias, tail, documentStarts }, { activation }) => {
  const [batch, length, channels, width] = [x.size(0), x.size(1), x.size(2), w.size(1)];
  /** The input at time s, which is negative in the tail, as it is seen at time t. */
  const input = (b: number, s: number, t: number, e: number): number => {
    for (let between = Math.max(s + 1, 0); between <= t; between++) if (documentStarts?.at(b, between)) return 0;
    return s >= 0 ? x.at(b, s, e) : (tail?.at(b, e, s + width - 1) ?? 0);
  };
  const y = new NumberGrid(x.shape);
  const left = new NumberGrid([batch, channels, width - 1]);
  for (let b = 0; b < batch; b++)
    for (let e = 0; e < channels; e++) {
      for (let t = 0; t < length; t++) {
        let z = bias?.at(e) ?? 0;
        for (let j = 0; j < width; j++) z += w.at(e, j) * input(b, t - width + 1 + j, t, e);
        y.set(activation === 'silu' ? z / (1 + Math.exp(-z)) : z, b, t, e);
      }
      for (let j = 0; j < width - 1; j++) left.set(input(b, length - width + 1 + j, length - 1, e), b, e, j);
    }
  return [y, left];
};
