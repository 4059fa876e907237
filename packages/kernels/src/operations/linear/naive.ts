import { type Naive, NumberGrid } from '../../checks/number-grid';
import type { LinearInputs } from './kernel';
import type { LinearPairAttrs, LinearPairInputs } from './pair';

/** y_mo = bias_o + Σ_i x_mi w_oi, on the rows m of the last axis of x. */
export const linearNaive: Naive<LinearInputs, object> = (inputs) => {
  const { w, bias } = inputs;
  const x = inputs.x.rows();
  const y = new NumberGrid([x.size(0), w.size(0)]);
  for (let m = 0; m < x.size(0); m++)
    for (let o = 0; o < w.size(0); o++) {
      y.set(bias?.at(o) ?? 0, m, o);
      for (let i = 0; i < w.size(1); i++) y.add(x.at(m, i) * w.at(o, i), m, o);
    }
  return [y];
};

/** The same, the first outputs apart from the others. */
export const linearPairNaive: Naive<LinearPairInputs, LinearPairAttrs> = (inputs, { first }) => {
  const [y] = linearNaive(inputs, {}) as [NumberGrid];
  const [rows, out] = [y.size(0), y.size(1)];
  return [
    [0, first],
    [first, out],
  ].map(([from = 0, to = 0]) => {
    const part = new NumberGrid([rows, to - from]);
    for (let m = 0; m < rows; m++) for (let o = from; o < to; o++) part.set(y.at(m, o), m, o - from);
    return part;
  });
};
