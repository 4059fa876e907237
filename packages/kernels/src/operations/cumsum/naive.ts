import { type Naive, NumberGrid } from '../../checks/number-grid';
import type { CumsumAttrs } from './kernel';

/** y_i = Σ_(j ≤ i) x_j along an axis; j < i if exclusive, j ≥ i or j > i if in reverse. */
export const cumsumNaive: Naive<{ x: unknown }, CumsumAttrs> = ({ x }, { axis, exclusive, reverse }) => {
  const along = axis < 0 ? axis + x.shape.length : axis;
  const length = x.size(along);
  const stride = x.shape.slice(along + 1).reduce((count, size) => count * size, 1);
  const y = new NumberGrid(x.shape);
  for (let place = 0; place < y.values.length; place++) {
    const i = Math.floor(place / stride) % length;
    for (let j = 0; j < length; j++) {
      const isBefore = reverse ? j > i : j < i;
      if (isBefore || (j === i && !exclusive))
        y.values[place] = (y.values[place] as number) + (x.values[place + (j - i) * stride] as number);
    }
  }
  return [y];
};
