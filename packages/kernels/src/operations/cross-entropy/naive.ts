import { type Naive, NumberGrid } from '../../checks/number-grid';
import type { CrossEntropyAttrs, CrossEntropyInputs } from './inputs';

/** −ln softmax(logits)[target] of each row, 0 where ignored, or the mean over the rows that count. Letters: m row, v class. */
export const crossEntropyNaive: Naive<CrossEntropyInputs, CrossEntropyAttrs> = ({ logits, targets }, { ignoreIndex, reduction }) => {
  const [rows, classes] = [logits.size(0), logits.size(1)];
  const losses = new NumberGrid([rows]);
  let counted = 0;
  for (let m = 0; m < rows; m++) {
    const target = targets.at(m);
    if (target === ignoreIndex) continue;
    counted++;
    let total = 0;
    for (let v = 0; v < classes; v++) total += Math.exp(logits.at(m, v) - logits.at(m, target));
    losses.set(Math.log(total), m);
  }
  if (reduction === 'none') return [losses];
  return [new NumberGrid([], [losses.values.reduce((sum, loss) => sum + loss, 0) / Math.max(1, counted)])];
};
